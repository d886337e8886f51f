import type { KeyObject } from 'node:crypto';

import { appraise } from '#attestation/appraise.ts';
import { compilePolicy, type Policy } from '#attestation/evidence-policy.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import type { AuditRecord } from '#core/audit-record.ts';
import type { Bytes } from '#core/bytes.ts';
import {
  isNodeName,
  isPoolName,
  newNodeId,
  newRequestId,
  type NodeName,
  type PoolName,
  type RequestId,
} from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { systemRandom } from '#core/random.ts';
import { localSigner } from '#pki/signer-file.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { type ChallengeRequest, type ChallengeResponse, challengeResponseSchema } from '#protocol/challenge.ts';
import type { JoinRequest, Tpm2Evidence } from '#protocol/join.ts';
import { policySchema, type ReferenceValuesDocument } from '#protocol/policy.ts';
import { nodeEnrolled } from '#services/audit/events.ts';
import { type Origin, originOf } from '#services/http/origin.ts';
import { admitNode, type JoinOutcome } from '#services/join/admit-node.ts';
import { joinPolicy } from '#services/join/join-policy.ts';
import { type ChallengeOutcome, openChallenge } from '#services/join/open-challenge.ts';
import { callBack } from '#services/join/callback.ts';
import type { JoinLimits } from '#services/join/join-limits.ts';
import type { JoinRoutesDeps } from '#services/join/routes.ts';
import type { SealingKey, SealingKeys } from '#core/sealing.ts';
import { ticketKey } from '#services/join/ticket-keys.ts';
import type { Store } from '#services/store/store.ts';
import { fakeClock, type FakeClock } from '#test/fakes/fake-clock.ts';
import { type MemoryStore, memoryStore } from '#test/fakes/memory-store.ts';

import { LAB_NOW, labIssuer, labKey, labNodeCa, type NodeCa } from './node-ca.ts';
import { labTpm, type LabTpm } from './software-tpm.ts';

export const AUDIENCE = 'join.lab.example';
export const PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 7];
export const TICKET_KEY = ticketKey(new Uint8Array(32).fill(0xa5));
/** The same at every time. */
export const fixedKeys = (key: SealingKey): SealingKeys => ({ sealing: () => key, opening: () => [key] });

/** A join service without its listeners, one enrolled node, and that node's TPM. */
export interface JoinLab<S extends Store = MemoryStore> {
  readonly clock: FakeClock;
  readonly store: S;
  readonly ca: NodeCa;
  readonly deps: JoinRoutesDeps;
  readonly tpm: LabTpm;
  readonly node: NodeRecord;
  readonly policy: Policy;
}

export interface JoinLabOptions<S extends Store> {
  readonly store: S;
  readonly override?: Partial<JoinRoutesDeps>;
  readonly policy?: Policy;
  readonly tpm?: LabTpm;
  readonly clock?: FakeClock;
}

/** What the limits are about has tests of its own. */
export const NO_LIMITS: JoinLimits = { ofSource: () => undefined, ofEk: () => undefined };

let ca: Promise<NodeCa> | undefined;

export async function joinLab(options: Partial<JoinLabOptions<MemoryStore>> = {}): Promise<JoinLab> {
  return joinLabOver({ store: memoryStore(), ...options });
}

/** A laboratory over any store. The node `worker-7` of pool `general` is enrolled in it. */
export async function joinLabOver<S extends Store>(options: JoinLabOptions<S>): Promise<JoinLab<S>> {
  ca ??= labNodeCa();
  const authority = await ca;
  const { store, tpm = labTpm(), clock = fakeClock(LAB_NOW) } = options;
  const policy = options.policy ?? labJoinPolicy(tpm);
  const ready = joinPolicy(policy);
  const deps: JoinRoutesDeps = {
    now: clock.now,
    random: systemRandom,
    ticketKeys: fixedKeys(TICKET_KEY),
    policy: () => ready,
    limits: NO_LIMITS,
    work: { run: (work) => work() },
    findNodeByEk: (ek) => store.findNodeByEk(ek),
    findNodesByAk: (akName) => store.findNodesByAk(akName),
    findNodesByCertifiedKey: (key) => store.findNodesByCertifiedKey(key),
    queueCandidate: (...queue) => store.queueCandidate(...queue),
    enrolByRule: (...enrolment) => store.enrolByRule(...enrolment),
    changeNodes: (change) => store.changeNodes(change),
    alert: () => undefined,
    takeTicket: (take) => store.takeTicket(take),
    verifyEvidence: async (input) => verifyEvidence({ ...input, audience: AUDIENCE }),
    appraise: async (input) => appraise(input),
    callBack,
    issuer: labIssuer(authority),
    signerGate: { assertUsable: () => Promise.resolve(), failed: () => undefined },
    orphanSerials: (orphanings) => store.orphanSerials(orphanings),
    reserveSerial: (...intent) => store.reserveSerial(...intent),
    recordIssued: (...issued) => store.recordIssued(...issued),
    appendAudit: (event) => store.appendAudit(event),
    cluster: { apiServer: 'https://k8s.lab.example', caPem: 'kubernetes CA\n', issuerPem: 'issuing CA\n' },
    joinBodyBytes: undefined,
    ...options.override,
  };
  const node = await enrol(store, tpm);
  return { clock, store, ca: authority, deps, tpm, node, policy };
}

/** Enrols a node by its EK's public hash. */
export async function enrol(
  store: Store,
  tpm: Pick<LabTpm, 'ekFingerprint'>,
  { name = 'worker-7', pool = 'general' }: { name?: string; pool?: string } = {},
): Promise<NodeRecord> {
  const enrolment = {
    id: newNodeId(systemRandom),
    name: nodeName(name),
    pool: poolName(pool),
    ekFingerprint: tpm.ekFingerprint,
    ekCertificate: undefined,
  };
  const event = nodeEnrolled({ at: LAB_NOW, requestId: newRequestId(systemRandom), address: '127.0.0.1' }, 'lab', {
    nodeId: enrolment.id,
    nodeName: enrolment.name,
    pool: enrolment.pool,
    ekFingerprint: enrolment.ekFingerprint,
    ekCertificateFingerprint: undefined,
  });
  const outcome = await store.enrolNodes([enrolment], 'lab', LAB_NOW, [event]);
  const node = outcome.ok ? outcome.nodes[0] : undefined;
  if (node === undefined) throw new Error(`not enrolled: ${JSON.stringify(outcome)}`);
  return node;
}

/** A policy whose pool `general` takes the TPM as it is now, from 10.1.0.0/16 and loopback; and a pool `edge` elsewhere. */
export function labJoinPolicy(tpm: LabTpm, pool: object = {}): Policy {
  const tpm2 = { pcrs: PCRS, referenceValues: ['now.yaml'], allowEkWithoutCertificate: true };
  const document = policySchema.parse({
    apiVersion: 'muster/v1',
    kind: 'Policy',
    pools: {
      general: {
        protectionRating: 'default',
        segments: ['10.1.0.0/16', '127.0.0.0/8', '::1/128'],
        tpm2,
        nodeLabels: { 'muster.example/pool': 'general' },
        registerWithTaints: [{ key: 'muster.example/new', effect: 'NoSchedule' }],
        ...pool,
      },
      edge: { protectionRating: 'default', segments: ['10.2.0.0/16'], tpm2 },
    },
  });
  const referenceValues = new Map([['now.yaml', referenceValuesOf(tpm)]]);
  const compiled = compilePolicy(document, { referenceValues, anchors: new Map(), referenceSigners: new Map() });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policy;
}

export function referenceValuesOf(tpm: LabTpm): ReferenceValuesDocument {
  return {
    apiVersion: 'muster/v1',
    kind: 'ReferenceValues',
    name: 'now',
    capturedAt: LAB_NOW.toISOString(),
    capturedFrom: 'lab',
    bank: 'sha256',
    pcrs: tpm.readPcrs('sha256', PCRS),
  };
}

/** What the node says when it asks for a challenge. */
export function challengeRequestOf(tpm: LabTpm, name = 'worker-7'): ChallengeRequest {
  const { ekPublic, akPublic } = tpm;
  return { nodeName: nodeName(name), attester: { kind: 'tpm2-quote', ekPublic, ekCertificates: [], akPublic } };
}

/** One thing about an answer that is not as it should be. */
export interface AnswerOptions {
  readonly name?: string;
  readonly key?: KeyObject;
  readonly audience?: string;
  /** The TPM that quotes, where it is not the one that was challenged. */
  readonly quoter?: LabTpm;
  readonly csr?: Bytes;
  readonly evidence?: Partial<Tpm2Evidence>;
}

/** The join that answers a challenge. */
export function answerOf(challenge: ChallengeResponse, tpm: LabTpm, options: AnswerOptions = {}): JoinRequest {
  const { attester, nonce, ticket } = challenge;
  if (attester.kind !== 'tpm2-quote') throw new Error('a challenge to a TPM');
  const [selection] = attester.pcrSelection;
  if (selection === undefined) throw new Error('a challenge asks for PCRs');
  const { hash: bank, pcrs } = selection;
  const { name = 'worker-7', key = labKey(), audience = AUDIENCE, quoter = tpm } = options;
  const binding = qualifyingData({ audience, nonce, nodeName: name, spki: localSigner(key).spki });
  quoter.tick(1);
  return {
    ticket: Buffer.from(ticket, 'base64url'),
    csr: options.csr ?? buildCsr(key),
    evidence: {
      kind: 'tpm2-quote',
      activationSecret: tpm.activateCredential(attester.credentialBlob, attester.encryptedSecret),
      ...quoter.quote({ qualifyingData: binding, bank, pcrs }),
      pcrs: { [bank]: quoter.readPcrs(bank, pcrs) },
      ...options.evidence,
    },
  };
}

export const HOME = '10.1.2.3';
/** In the pool's segments as well: where a laboratory over real sockets is called from. */
export const LOOPBACK = '127.0.0.1';

const callerAt = (address: string) => ({ requestId: newRequestId(systemRandom), origin: originOf(address) });

/** Asks for a challenge; the outcome whatever it is. */
export function askChallenge(
  { deps, tpm }: Pick<JoinLab<Store>, 'deps' | 'tpm'>,
  options: { readonly address?: string; readonly request?: ChallengeRequest } = {},
): Promise<ChallengeOutcome> {
  return openChallenge(deps, options.request ?? challengeRequestOf(tpm), callerAt(options.address ?? HOME));
}

/** A challenge that must be given, as an attester reads it. */
export async function challengeFor(
  lab: Pick<JoinLab<Store>, 'deps' | 'tpm'>,
  options: { readonly address?: string; readonly request?: ChallengeRequest } = {},
): Promise<ChallengeResponse> {
  const outcome = await askChallenge(lab, options);
  if (!outcome.ok) throw new Error(`no challenge: ${outcome.problem}`);
  return challengeResponseSchema.parse(outcome.response);
}

/** One join from beginning to end. */
export async function join(
  lab: Pick<JoinLab<Store>, 'deps' | 'tpm'>,
  options: AnswerOptions = {},
): Promise<JoinOutcome> {
  const request = challengeRequestOf(lab.tpm, options.name);
  return submit(lab, answerOf(await challengeFor(lab, { request }), lab.tpm, options));
}

/** Submits a join, under a request id of its own. */
export function submit(
  { deps }: Pick<JoinLab<Store>, 'deps'>,
  request: JoinRequest,
  { address = HOME, requestId = newRequestId(systemRandom) }: { address?: string; requestId?: RequestId } = {},
): Promise<JoinOutcome> {
  return admitNode(deps, request, { requestId, origin: originOf(address) });
}

/** `ok`, or the problem's name. */
export const told = (outcome: JoinOutcome | ChallengeOutcome): string => (outcome.ok ? 'ok' : outcome.problem);

export const auditOf = (store: Store): Promise<readonly AuditRecord[]> => store.readAudit(0, 10_000);

/** Types of the audit records, oldest first, without the enrolments. */
export const auditTypes = async (store: Store): Promise<readonly string[]> =>
  (await auditOf(store)).map(({ type }) => type).filter((type) => type !== 'node.enrolled');

/** Codes of the denials in the newest record. */
export async function lastDenials(store: Store): Promise<readonly string[]> {
  const denials = (await auditOf(store)).at(-1)?.facts['denials'];
  return Array.isArray(denials) ? denials.map((denial: { code: string }) => denial.code) : [];
}

export function nodeName(text: string): NodeName {
  if (!isNodeName(text)) throw new Error(`not a node name: ${text}`);
  return text;
}

export function poolName(text: string): PoolName {
  if (!isPoolName(text)) throw new Error(`not a pool name: ${text}`);
  return text;
}

export function origin(text: string): Origin {
  const found = originOf(text);
  if (found === undefined) throw new Error(`not an address: ${text}`);
  return found;
}
