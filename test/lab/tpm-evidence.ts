import { createHash, generateKeyPairSync } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import type { NodeName } from '#core/ids.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { systemRandom } from '#core/random.ts';
import { anchorsOf, parseAnchors } from '#attestation/endorsements.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import type { Tpm2ChallengeFacts, VerifyEvidenceInput } from '#attestation/verify-evidence.ts';
import type { Tpm2Evidence } from '#protocol/join.ts';

import { type LabQuoteOptions, type LabTpm, labTpm } from './software-tpm.ts';
import { issueEkCertificate, LAB_NOW, type LabEkCa, labEkCa } from './tpm-certificates.ts';

export const LAB_AUDIENCE = 'https://join.lab.example';
export const LAB_NODE = 'worker-7' as NodeName;
export const LAB_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

/** One node with its TPM and its key, and all that a good join of it needs. */
export interface LabNode {
  readonly tpm: LabTpm;
  readonly ca: LabEkCa;
  readonly ekCertificates: readonly Bytes[];
  /** Of the key that the CSR carries. */
  readonly spki: Bytes;
}

export interface LabNodeOptions {
  readonly tpm?: LabTpm;
  readonly ca?: LabEkCa;
  readonly ekCertificates?: readonly Bytes[];
}

/** A node whose TPM has an EK certificate by a laboratory CA. */
export function labNode(options: LabNodeOptions = {}): LabNode {
  const tpm = options.tpm ?? labTpm();
  const ca = options.ca ?? labEkCa();
  const keyType = tpm.ekArea.type === 'rsa' ? 'rsa' : 'ecc';
  const ekCertificates = options.ekCertificates ?? [issueEkCertificate(ca, { spki: tpm.ekSpki, keyType })];
  return { tpm, ca, ekCertificates, spki: newSpki() };
}

/** The SubjectPublicKeyInfo of a fresh P-256 key. */
export const newSpki = (): Bytes =>
  generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({ type: 'spki', format: 'der' });

/** The challenge as a service would have sealed it for this node. */
export function labChallenge(node: LabNode, change: Partial<Tpm2ChallengeFacts> = {}): Tpm2ChallengeFacts {
  const { tpm, ekCertificates } = node;
  return {
    kind: 'tpm2-quote',
    nonce: systemRandom(32),
    claimedNodeName: LAB_NODE,
    ekPublic: tpm.ekPublic,
    akPublic: tpm.akPublic,
    ekCertificates,
    activationSecret: activate(tpm),
    bank: 'sha256',
    pcrs: LAB_PCRS,
    ...change,
  };
}

/** What the node answers to `challenge`. `quote` changes what it asks its TPM for. */
export function labEvidence(
  node: LabNode,
  challenge: Tpm2ChallengeFacts,
  quote: Partial<LabQuoteOptions> = {},
): Tpm2Evidence {
  const { tpm, spki } = node;
  const { nonce, claimedNodeName: nodeName, bank, pcrs } = challenge;
  return {
    kind: 'tpm2-quote',
    activationSecret: challenge.activationSecret,
    ...tpm.quote({
      qualifyingData: qualifyingData({ audience: LAB_AUDIENCE, nonce, nodeName, spki }),
      bank,
      pcrs,
      ...quote,
    }),
    pcrs: { [bank]: tpm.readPcrs(bank, pcrs) },
  };
}

/** What `labJoin` makes: a join by a TPM. */
export type LabJoin = VerifyEvidenceInput & {
  readonly challenge: Tpm2ChallengeFacts;
  readonly evidence: Tpm2Evidence;
};

/** A join that `verifyEvidence` accepts, for a test to change one thing in. */
export function labJoin(
  node: LabNode = labNode(),
  quote: Partial<LabQuoteOptions> = {},
  change: Partial<Tpm2ChallengeFacts> = {},
): LabJoin {
  const challenge = labChallenge(node, change);
  return {
    challenge,
    evidence: labEvidence(node, challenge, quote),
    spki: node.spki,
    audience: LAB_AUDIENCE,
    ekAnchors: anchorsOf(parseAnchors(node.ca.pem)),
    boot: undefined,
    ima: undefined,
    previousIma: undefined,
    now: LAB_NOW,
  };
}

/** The secret of a credential made for `tpm`'s keys and recovered by it; for keys that no credential is made for, any secret. */
function activate(tpm: LabTpm): Bytes {
  const activation = buildActivation({ ekPublic: tpm.ekPublic, akPublic: tpm.akPublic, random: systemRandom });
  if (!activation.ok) return createHash('sha256').update(activation.denial.code).digest();
  return tpm.activateCredential(activation.credentialBlob, activation.encryptedSecret);
}
