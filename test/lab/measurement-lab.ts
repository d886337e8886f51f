import { ekFingerprint, newNodeId, newRequestId } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { systemRandom } from '#core/random.ts';
import { localSigner } from '#pki/signer-file.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import type { ChallengeResponse } from '#protocol/challenge.ts';
import type { JoinRequest } from '#protocol/join.ts';
import { nodeEnrolled } from '#services/audit/events.ts';
import type { JoinOutcome } from '#services/join/admit-node.ts';
import type { Store } from '#services/store/store.ts';

import {
  AUDIENCE,
  challengeFor,
  type JoinLab,
  joinLab,
  labJoinPolicy,
  nodeName,
  poolName,
  submit,
} from './join-lab.ts';
import {
  LAB_ACCEPTED,
  labMeasurementKey,
  type LabMeasurementKey,
  labToken,
  type TokenChange,
} from './measurement-key.ts';
import { LAB_NOW, labKey } from './node-ca.ts';
import { labTpm } from './software-tpm.ts';

/** The name of the laboratory's machine without a TPM. */
export const EDGE = 'edge-3';

/** A laboratory whose pool `general` takes machines without a TPM, and one such machine, enrolled. */
export interface MeasurementLab extends JoinLab {
  readonly key: LabMeasurementKey;
}

export async function measurementLab(pool: object = { signedMeasurements: LAB_ACCEPTED }): Promise<MeasurementLab> {
  const tpm = labTpm();
  const lab = await joinLab({ tpm, policy: labJoinPolicy(tpm, pool) });
  const key = labMeasurementKey();
  await enrolKey(lab.store, key);
  return { ...lab, key };
}

/** Enrols a machine by the key that it signs its measurements with. */
export async function enrolKey(store: Store, key: LabMeasurementKey, name = EDGE): Promise<NodeRecord> {
  const enrolment = {
    id: newNodeId(systemRandom),
    name: nodeName(name),
    pool: poolName('general'),
    ekFingerprint: ekFingerprint(key.spki),
    ekCertificate: undefined,
    measurementSpki: key.spki,
  };
  const { id: nodeId, name: enrolled, pool, ekFingerprint: fingerprint } = enrolment;
  const event = nodeEnrolled({ at: LAB_NOW, requestId: newRequestId(systemRandom), address: '127.0.0.1' }, 'lab', {
    nodeId,
    nodeName: enrolled,
    pool,
    ekFingerprint: fingerprint,
    ekCertificateFingerprint: undefined,
  });
  const outcome = await store.enrolNodes([enrolment], 'lab', LAB_NOW, [event]);
  const [node] = outcome.ok ? outcome.nodes : [];
  if (node === undefined) throw new Error(`not enrolled: ${JSON.stringify(outcome)}`);
  return node;
}

export interface SignedJoin {
  readonly key?: LabMeasurementKey;
  readonly name?: string;
  readonly audience?: string;
  /** The certificate that the machine holds. */
  readonly generation?: string | undefined;
  readonly change?: TokenChange;
}

export const challengeKey = (
  lab: MeasurementLab,
  { key = lab.key, name = EDGE }: SignedJoin = {},
): Promise<ChallengeResponse> =>
  challengeFor(lab, {
    request: { nodeName: nodeName(name), attester: { kind: 'signed-measurements', keyId: key.id } },
  });

/** The join that answers a challenge. */
export function answerWithToken(
  lab: MeasurementLab,
  challenge: ChallengeResponse,
  options: SignedJoin = {},
): JoinRequest {
  const { key = lab.key, name = EDGE, audience = AUDIENCE, generation, change } = options;
  const certified = labKey();
  const binding = { audience, nonce: challenge.nonce, nodeName: name, spki: localSigner(certified).spki };
  const token = labToken({ key, qualifyingData: qualifyingData(binding), now: lab.clock.now(), generation }, change);
  return {
    ticket: Buffer.from(challenge.ticket, 'base64url'),
    csr: buildCsr(certified),
    evidence: { kind: 'signed-measurements', token },
  };
}

/** One join from beginning to end. */
export async function joinSigned(lab: MeasurementLab, options: SignedJoin = {}): Promise<JoinOutcome> {
  return submit(lab, answerWithToken(lab, await challengeKey(lab, options), options));
}

/** The fingerprint of the certificate that a join earned. */
export function earned(outcome: JoinOutcome): string {
  if (!outcome.ok) throw new Error(`refused: ${outcome.problem}`);
  return outcome.admitted.certificate.fingerprint;
}

export async function stateOf(lab: MeasurementLab, name = EDGE): Promise<string | undefined> {
  return (await lab.store.findNodeByName(nodeName(name)))?.state;
}
