import type { Denial } from '#attestation/result.ts';
import type { EvidencePolicy } from '#attestation/evidence-policy.ts';
import { type Activation, buildActivation } from '#attestation/tpm2/activation.ts';
import { type ClaimedEk, identifyEk } from '#attestation/tpm2/identify-ek.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import { type Bytes, toBase64Url } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { type EkFingerprint, isEkFingerprint, type NodeName } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import type { SealingKeys } from '#core/sealing.ts';
import type { ChallengeRequest, ChallengeResponseBody } from '#protocol/challenge.ts';
import type { FieldError, ProblemName } from '#protocol/problem.ts';
import { challengeRefused } from '#services/audit/events.ts';
import type { Origin } from '#services/http/origin.ts';

import { type Caller, UNRECOGNISED } from './caller.ts';
import type { JoinLimits } from './join-limits.ts';
import type { JoinPolicy } from './join-policy.ts';
import type { MeasurementTicketFacts, TicketFacts } from './ticket-facts.ts';
import { sealTicket, TICKET_CERTIFICATES_MAX_BYTES, TICKET_LIFETIME_SECONDS } from './ticket.ts';

const NONCE_BYTES = 32;

export interface OpenChallengeDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly ticketKeys: SealingKeys;
  /** The policy in force. */
  readonly policy: () => JoinPolicy;
  readonly limits: Pick<JoinLimits, 'ofEk'>;
  readonly findNodeByEk: (ek: EkFingerprint) => Promise<NodeRecord | undefined>;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

export type ChallengeOutcome =
  | { readonly ok: true; readonly response: ChallengeResponseBody }
  | { readonly ok: false; readonly problem: ChallengeProblem; readonly errors?: readonly FieldError[] }
  | { readonly ok: false; readonly problem: 'rate-limited'; readonly retryAfterSeconds: number };

type ChallengeProblem = Extract<ProblemName, 'origin-refused' | 'evidence-rejected' | 'malformed-request'>;

/**
 * A challenge for the EK and AK that the caller shows, or for the key that it says signs its measurements, sealed into a ticket that expires in a minute; nothing is stored.
 *
 * Whoever calls from a segment, with keys in due form, gets one: also for an EK that nobody enrolled, so that the answer does not tell
 * who is. Whether the node may join is decided by `admitNode` alone. Segments come first: no cryptography is done for other callers.
 */
export async function openChallenge(
  deps: OpenChallengeDeps,
  request: ChallengeRequest,
  caller: Caller,
): Promise<ChallengeOutcome> {
  const inForce = deps.policy();
  const decision = await decide(deps, inForce, request, caller.origin);
  if (decision.ok) return { ok: true, response: writeChallenge(deps, inForce, decision) };
  // Not on record: a flood would fill the audit log with what the request log says as well.
  if ('retryAfterSeconds' in decision) return decision;
  const { problem, reason, denials = [], ekFingerprint, node, errors } = decision;
  const occasion = { at: deps.now(), requestId: caller.requestId, address: caller.origin ?? UNRECOGNISED };
  const known = { claimedNodeName: request.nodeName, ekFingerprint, nodeName: node?.name };
  const policyVersion = inForce.policy.version;
  await deps.appendAudit(challengeRefused(occasion, { problem, reason, denials, ...known, policyVersion }));
  return { ok: false, problem, ...(errors === undefined ? {} : { errors }) };
}

async function decide(
  deps: OpenChallengeDeps,
  inForce: JoinPolicy,
  { attester, nodeName: claimedNodeName }: ChallengeRequest,
  origin: Origin | undefined,
): Promise<Granted | Refused | TooMany> {
  if (origin === undefined || !inForce.admitsFrom(origin)) {
    const reason = origin === undefined ? undefined : inForce.whyRefused(origin);
    return { ok: false, problem: 'origin-refused', reason };
  }
  const claimed = identifyKey(attester);
  if (!claimed.ok) return refuseKey(claimed.denial);
  const { fingerprint: ekFingerprint } = claimed;
  const retryAfterSeconds = deps.limits.ofEk(ekFingerprint, origin);
  if (retryAfterSeconds !== undefined) return { ok: false, problem: 'rate-limited', retryAfterSeconds };
  const node = await deps.findNodeByEk(ekFingerprint);
  if (node !== undefined && inForce.policy.pools.has(node.pool) && !inForce.admitsTo(node.pool, origin)) {
    const reason = inForce.whyRefused(origin, node.pool);
    return { ok: false, problem: 'origin-refused', reason, ekFingerprint, node };
  }
  const granted = { ok: true, claimedNodeName, node, origin, ekFingerprint } as const;
  if (attester.kind === 'signed-measurements') return { ...granted, kind: attester.kind };
  const certificateBytes = attester.ekCertificates.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (certificateBytes > TICKET_CERTIFICATES_MAX_BYTES) {
    return malformed('/attester/ekCertificates', `over ${TICKET_CERTIFICATES_MAX_BYTES} bytes in all`);
  }
  const activation = buildActivation({ ...attester, random: deps.random });
  if (!activation.ok) return { ...refuseKey(activation.denial), ekFingerprint, node };
  return { ...granted, kind: attester.kind, attester, activation };
}

/** The fingerprint of the key that a caller says is its own. Nobody has proven anything: public keys are no secret. */
function identifyKey(attester: ChallengeRequest['attester']): ClaimedEk {
  if (attester.kind === 'tpm2-quote') return identifyEk(attester.ekPublic);
  const { keyId } = attester;
  if (isEkFingerprint(keyId)) return { ok: true, fingerprint: keyId };
  return { ok: false, denial: { code: 'evidence-malformed', detail: 'keyId' } };
}

type TooMany = Extract<ChallengeOutcome, { problem: 'rate-limited' }>;

interface Refused {
  readonly ok: false;
  readonly problem: ChallengeProblem;
  /** For the log alone. */
  readonly reason?: string | undefined;
  readonly denials?: readonly Denial[];
  readonly ekFingerprint?: EkFingerprint;
  readonly node?: NodeRecord | undefined;
  /** For the caller. */
  readonly errors?: readonly FieldError[];
}

/** What is wrong with the caller's own bytes may be said; that sound bytes are a key we do not take is for the log. */
function refuseKey(denial: Denial): Refused {
  return denial.code === 'evidence-malformed'
    ? { ...malformed('/attester', denial.detail ?? denial.code), denials: [denial] }
    : { ok: false, problem: 'evidence-rejected', denials: [denial] };
}

function malformed(pointer: string, detail: string): Refused {
  return { ok: false, problem: 'malformed-request', reason: `${pointer}: ${detail}`, errors: [{ pointer, detail }] };
}

type Granted = GrantedToTpm | GrantedToKey;

interface GrantedToTpm extends GrantedToAny {
  readonly kind: 'tpm2-quote';
  readonly attester: Extract<ChallengeRequest['attester'], { kind: 'tpm2-quote' }>;
  readonly activation: Extract<Activation, { ok: true }>;
}

/** The challenge is the nonce. It is the same for a key that nobody enrolled: docs/decisions/0012-a-challenge-reveals-nothing.md. */
interface GrantedToKey extends GrantedToAny {
  readonly kind: 'signed-measurements';
}

interface GrantedToAny {
  readonly ok: true;
  /** What the node says its name is. */
  readonly claimedNodeName: NodeName;
  readonly node: NodeRecord | undefined;
  readonly origin: Origin;
  /** Of the key that the challenge is for. */
  readonly ekFingerprint: EkFingerprint;
}

function writeChallenge(deps: OpenChallengeDeps, inForce: JoinPolicy, granted: Granted): ChallengeResponseBody {
  const { node, origin, claimedNodeName, ekFingerprint } = granted;
  const pool = poolToProve(inForce, node, origin);
  const { callback } = pool;
  const nonce = deps.random(NONCE_BYTES);
  const expiresAt = new Date(deps.now().getTime() + TICKET_LIFETIME_SECONDS * 1_000);
  const { version: policyVersion } = inForce.policy;
  const common = { nonce, claimedNodeName, ekFingerprint, policyVersion, origin, expiresAt };
  const { facts, attester } = granted.kind === 'tpm2-quote' ? forTpm(granted, pool, common) : forKey(common);
  return {
    ticket: toBase64Url(sealTicket(facts, deps.ticketKeys.sealing(deps.now()), deps.random)),
    expiresAt: expiresAt.toISOString(),
    nonce: toBase64Url(nonce),
    attester,
    ...(callback === undefined ? {} : { callback: { port: callback.port } }),
  };
}

/** What is sealed into the ticket, and what the caller is told of it. */
interface Challenge {
  readonly facts: TicketFacts;
  readonly attester: ChallengeResponseBody['attester'];
}

const forKey = (common: Omit<MeasurementTicketFacts, 'kind'>): Challenge => ({
  facts: { kind: 'signed-measurements', ...common },
  attester: { kind: 'signed-measurements' },
});

function forTpm(
  { attester, activation, node }: GrantedToTpm,
  { tpm2: { bank, pcrs, boot, ima } }: EvidencePolicy,
  common: Omit<MeasurementTicketFacts, 'kind'>,
): Challenge {
  const { ekPublic, akPublic, ekCertificates: shown } = attester;
  const ekCertificates = shown.length > 0 ? shown : enrolledCertificate(node);
  const sealed = { ekPublic, akPublic, ekCertificates, activationSecret: activation.secret, bank, pcrs };
  return {
    facts: { kind: 'tpm2-quote', ...common, ...sealed },
    attester: {
      kind: 'tpm2-quote',
      credentialBlob: toBase64Url(activation.credentialBlob),
      encryptedSecret: toBase64Url(activation.encryptedSecret),
      pcrSelection: [{ hash: bank, pcrs: [...pcrs] }],
      logs: [...(boot === undefined ? [] : ['event-log']), ...(ima === undefined ? [] : ['ima'])],
    },
  };
}

/** Many makers keep their EK certificates on a web site, not in the TPM: the enrolment brought it then. It is judged like one that was sent. */
const enrolledCertificate = (node: NodeRecord | undefined): readonly Bytes[] =>
  node?.ekCertificate === undefined ? [] : [node.ekCertificate];

/**
 * What the caller must prove: its pool's demands; for an EK without a pool those of the pool that may take it all the same, or else of the first
 * that takes joins from there.
 */
function poolToProve(inForce: JoinPolicy, node: NodeRecord | undefined, origin: Origin): EvidencePolicy {
  const own = node === undefined ? undefined : inForce.policy.pools.get(node.pool);
  const pool = own ?? inForce.candidatePoolFor(origin) ?? inForce.anyPoolFor(origin);
  if (pool === undefined) throw new Error('an admitted origin is in some pool’s segment');
  return pool;
}
