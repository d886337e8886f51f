import type { AppraisalInput } from '#attestation/appraise.ts';
import type { Advisory, AttestationResult, Denial, VerifiedClaims, Verification } from '#attestation/result.ts';
import type { VerifyEvidenceInput } from '#attestation/verify-evidence.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import { ticketId, type TicketId } from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { SealingKeys } from '#core/sealing.ts';
import type { Issuer } from '#pki/issuer.ts';
import type { JoinRequest } from '#protocol/join.ts';
import type { ProblemName } from '#protocol/problem.ts';
import { certificateIssued, certificateSigning, joinRefused, joinRepeated } from '#services/audit/events.ts';
import type { JoinFacts, TicketTake, TicketTaken } from '#services/store/store.ts';

import { type Admitted, admittedBefore } from './admitted.ts';
import { applicantOf } from './applicant.ts';
import type { Callback, CallbackOutcome } from './callback.ts';
import { type Caller, UNRECOGNISED } from './caller.ts';
import { freezeHolders, type FreezeHoldersDeps } from './freeze-holders.ts';
import { joinDigest } from './join-digest.ts';
import type { JoinLimits } from './join-limits.ts';
import type { JoinPolicy } from './join-policy.ts';
import { findKeyConflict, type KeyConflictDeps } from './key-conflict.ts';
import { readCsr } from './read-csr.ts';
import { settleStanding, type SettleStandingDeps } from './settle-standing.ts';
import { orphanIntent, signOrOrphan, type SignOrOrphanDeps } from './sign-or-orphan.ts';
import type { SignerGate } from './signer-gate.ts';
import { stillAdmissible } from './still-admissible.ts';
import { taughtBy } from './taught-by.ts';
import type { TicketFacts } from './ticket-facts.ts';
import { openTicket } from './ticket.ts';

export interface AdmitNodeDeps extends SettleStandingDeps, FreezeHoldersDeps, KeyConflictDeps, SignOrOrphanDeps {
  readonly now: Clock;
  readonly ticketKeys: SealingKeys;
  /** The policy in force. */
  readonly policy: () => JoinPolicy;
  readonly limits: Pick<JoinLimits, 'ofEk'>;
  readonly takeTicket: (take: TicketTake) => Promise<TicketTaken>;
  /** Knows the service's own audience. */
  readonly verifyEvidence: (input: Omit<VerifyEvidenceInput, 'audience'>) => Promise<Verification>;
  readonly appraise: (input: AppraisalInput) => Promise<AttestationResult>;
  readonly callBack: (callback: Callback) => Promise<CallbackOutcome>;
  readonly issuer: Pick<Issuer, 'prepare' | 'sign'>;
  readonly signerGate: Pick<SignerGate, 'assertUsable' | 'failed'>;
  readonly reserveSerial: (intent: IssuanceIntent, ticketId: TicketId, event: AuditEvent) => Promise<void>;
  readonly recordIssued: (certificate: IssuedCertificate, join: JoinFacts, event: AuditEvent) => Promise<void>;
}

export type JoinProblem = Extract<
  ProblemName,
  | 'origin-refused'
  | 'challenge-invalid'
  | 'rate-limited'
  | 'state-conflict'
  | 'evidence-rejected'
  | 'node-barred'
  | 'csr-rejected'
>;

export type JoinOutcome =
  | { readonly ok: true; readonly admitted: Admitted }
  | {
      readonly ok: false;
      readonly problem: JoinProblem;
      readonly detail?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
    }
  /** Everything is proven; an administrator has to say yes. */
  | { readonly ok: false; readonly problem: 'awaiting-approval'; readonly retryAfterSeconds: number };

type TakenBefore = Exclude<TicketTaken, { kind: 'fresh' }>;

/** What is known of a join once its ticket is open. */
interface KnownOfJoin {
  readonly challenge?: TicketFacts;
  readonly node?: NodeRecord | undefined;
}

/** What the audit log gets to know of a refusal besides the problem. */
interface RefusalFacts extends KnownOfJoin {
  readonly reason?: string | undefined;
  readonly denials?: readonly Denial[];
  readonly claims?: VerifiedClaims;
  readonly advisories?: readonly Advisory[];
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * A join: the one way to a certificate. On `ok` the certificate is signed and recorded, and so is everything that led to it; on any other
 * outcome but `state-conflict`, `rate-limited` before the ticket is taken, and `awaiting-approval`, which has records of its own, the refusal is on record with its every reason. A fault on the way rejects: without a record there is no
 * signature, and without a signature no answer. What was reserved for a signature that failed is orphaned.
 */
export async function admitNode(deps: AdmitNodeDeps, request: JoinRequest, caller: Caller): Promise<JoinOutcome> {
  const { origin, requestId } = caller;
  const occasion = { at: deps.now(), requestId, address: origin ?? UNRECOGNISED };
  const { at: now } = occasion;
  const inForce = deps.policy();
  const { policy } = inForce;

  // 1. Origin: the cheapest check, so that nothing else is done for a caller from elsewhere.
  if (origin === undefined) return refuse('origin-refused');
  if (!inForce.admitsFrom(origin)) return refuse('origin-refused', { reason: inForce.whyRefused(origin) });

  // 2. Ticket: unsealed, and taken for good. From here on its nonce is spent, whatever the outcome.
  const keys = deps.ticketKeys.opening(now);
  const opened = openTicket(request.ticket, { keys, now, origin, policyVersion: policy.version });
  if (!opened.ok) return refuse('challenge-invalid', { reason: `ticket ${opened.fault}` });
  const { facts: challenge } = opened;
  // A request too many is told to wait before its ticket is taken: it can still be sent again.
  const retryAfterSeconds = deps.limits.ofEk(challenge.ekFingerprint, origin);
  if (retryAfterSeconds !== undefined) return { ok: false, problem: 'rate-limited', retryAfterSeconds };
  // Nor is it taken while the key is known to be away.
  await deps.signerGate.assertUsable();
  const ticket = ticketId(request.ticket);
  const taken = await deps.takeTicket({
    ticketId: ticket,
    requestDigest: joinDigest(request),
    requestId,
    expiresAt: challenge.expiresAt,
  });
  const node = await deps.findNodeByEk(challenge.ekFingerprint);
  const about = { challenge, node };
  if (taken.kind !== 'fresh') return answerTaken(taken, about);
  const { record, pool, missing } = applicantOf({ node, challenge, inForce, origin, random: deps.random, now });
  if (pool !== undefined && !inForce.admitsTo(pool.pool, origin))
    return refuse('origin-refused', { ...about, reason: inForce.whyRefused(origin, pool.pool) });

  // 3. Verify. Nothing in the evidence is believed before this; the keys and the name are the ticket's, not the request's.
  const csr = readCsr(request.csr);
  if (!csr.ok) return refuse('csr-rejected', { ...about, reason: csr.reason });
  const { evidence } = request;
  const { raw: spki } = csr.value.publicKey;
  const verified = await deps.verifyEvidence({
    challenge,
    evidence,
    spki,
    ekAnchors: pool?.tpm2.ekAnchors,
    boot: pool?.tpm2.boot,
    ima: pool?.tpm2.ima,
    previousIma: node?.imaProgress,
    measurementKey: node?.measurementKey?.spki,
    now,
  });
  if (!verified.ok) return refuse('evidence-rejected', { ...about, denials: verified.denials });

  // 4. One holder for each key: a second one that is proven freezes both.
  const { claims } = verified;
  const claimant = { claims, challenge, csr: csr.value, node };
  const conflict = await findKeyConflict(deps, claimant);
  if (conflict !== undefined) {
    await freezeHolders(deps, conflict, claimant, occasion);
    return refuse('evidence-rejected', { ...about, claims, denials: [conflict.denial] });
  }

  // 5. Appraise the verified claims against the enrolment record, the reference values and the policy.
  const { claimedNodeName } = challenge;
  const result = await deps.appraise({ claims, node: record, claimedNodeName, policy, requestId, now });
  if (result.status !== 'affirming' || record === undefined || pool === undefined) {
    // The caller has proven to hold this node's TPM, so that it is barred may be said.
    const problem = node?.state === 'barred' ? 'node-barred' : 'evidence-rejected';
    return refuse(problem, { ...about, claims, ...denialsOf(result) });
  }

  // 6. Call back, where the pool asks for it: the key that was quoted must answer at the address that the join came from.
  if (pool.callback !== undefined) {
    const { port, timeoutSeconds } = pool.callback;
    const answered = await deps.callBack({ origin, port, timeoutMs: timeoutSeconds * 1_000, spki, ticket });
    if (!answered.ok) return refuse('evidence-rejected', { ...about, claims, denials: [answered] });
  }

  // 7. Standing: a machine that nobody enrolled or approved yet is enrolled by its pool's rule, or waits for an administrator.
  const proven = { claims, claimedNodeName, origin, referenceValues: result.referenceValues };
  const standing = await settleStanding(deps, { missing, node, record, pool, proven, occasion });
  if (standing.kind === 'awaiting-approval') {
    const { kind: problem, retryAfterSeconds: seconds } = standing;
    return { ok: false, problem, retryAfterSeconds: seconds };
  }
  if (standing.kind === 'refused') {
    const { problem, denial, retryAfterSeconds: seconds } = standing;
    return refuse(problem, { ...about, claims, denials: [denial], retryAfterSeconds: seconds });
  }

  // 8. Prepare: build and lint the certificate. Spends the admission, and verifies that the requester holds the key.
  const preparation = deps.issuer.prepare(result.admission, csr.value, now);
  if (!preparation.ok) return refuse('csr-rejected', { ...about, reason: preparation.code, claims });
  const { prepared: intent } = preparation;

  // 9. Write down what is about to be signed. A crash after this leaves a serial that is known, and never a certificate that is not.
  if (!(await stillAdmissible(deps.reserveSerial(intent, ticket, certificateSigning(occasion, intent))))) {
    return refuse('evidence-rejected', { ...about, claims, reason: OVERTAKEN });
  }

  // 10. Sign, then record.
  const certificate = await signOrOrphan(deps, intent);
  const { id: nodeId } = record;
  const { protectionRating } = pool;
  const { policyVersion, referenceValues, advisories } = result;
  const issuance = { intent, certificate, pool: pool.pool, protectionRating, claimedNodeName, policyVersion };
  const recorded = deps.recordIssued(
    certificate,
    { nodeId, at: now, address: origin, ...taughtBy(claims, policyVersion) },
    certificateIssued(occasion, { ...issuance, referenceValues, claims, advisories }),
  );
  if (!(await stillAdmissible(recorded))) {
    await orphanIntent(deps, intent);
    return refuse('evidence-rejected', { ...about, claims, reason: OVERTAKEN });
  }
  return { ok: true, admitted: { node: record, pool, certificate } };

  async function answerTaken(before: TakenBefore, known: KnownOfJoin): Promise<JoinOutcome> {
    if (before.kind === 'in-progress') return { ok: false, problem: 'state-conflict' };
    const admitted = before.kind === 'repeat' ? admittedBefore(before.certificate, known.node, policy) : undefined;
    if (admitted === undefined) return refuse('challenge-invalid', { ...known, reason: 'ticket spent' });
    const { serial, fingerprint } = admitted.certificate;
    await deps.appendAudit(joinRepeated(occasion, { nodeName: admitted.node.name, serial, fingerprint }));
    return { ok: true, admitted };
  }

  async function refuse(problem: JoinProblem, facts: RefusalFacts = {}): Promise<JoinOutcome> {
    const { challenge, node, reason, denials = [], claims, advisories, retryAfterSeconds: seconds } = facts;
    const { claimedNodeName, ekFingerprint } = challenge ?? {};
    const known = { claimedNodeName, ekFingerprint, nodeName: node?.name, policyVersion: policy.version };
    await deps.appendAudit(joinRefused(occasion, { problem, reason, denials, claims, advisories, ...known }));
    const detail = problem === 'csr-rejected' ? reason : undefined;
    return { ok: false, problem, detail, retryAfterSeconds: seconds };
  }
}

function denialsOf(result: AttestationResult): Pick<RefusalFacts, 'denials' | 'advisories'> {
  return { denials: result.status === 'affirming' ? [] : result.denials, advisories: result.advisories };
}

/** For the log: a bar, a quarantine or a retirement came between the appraisal and the certificate. */
const OVERTAKEN = 'the node’s standing changed while its join was under way';
