import type { EvidencePolicy } from '#attestation/evidence-policy.ts';
import type { Denial, VerifiedClaims } from '#attestation/result.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import { certificateFingerprint, newCandidateId } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import { candidateQueued, nodeEnrolledByRule } from '#services/audit/admission-events.ts';
import type { Occasion } from '#services/audit/events.ts';
import { networkOf } from '#services/http/origin.ts';
import type { CandidateSighting, Queued, QueueBounds, RuleEnrolment, RuleOutcome } from '#services/store/candidates.ts';

import type { Applicant } from './applicant.ts';
import { candidateProof, type Proven } from './candidate-proof.ts';

/** Machines that wait at once: of one IPv4 address or IPv6 /64, and in all. */
export const QUEUE_BOUNDS: QueueBounds = { perNetwork: 32, total: 1_024 };
/** A machine that has not been seen for this long is forgotten. */
const EXPIRES_AFTER_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** For a machine that waits for a person. */
const APPROVAL_RETRY_SECONDS = 30;
/** For a machine that waits for room. */
const ROOM_RETRY_SECONDS = 300;

/** What is on the inventory's side of a join whose evidence was affirmed. */
export interface SettleStandingDeps {
  readonly random: RandomSource;
  readonly queueCandidate: (sighting: CandidateSighting, bounds: QueueBounds, event: AuditEvent) => Promise<Queued>;
  readonly enrolByRule: (enrolment: RuleEnrolment, event: AuditEvent) => Promise<RuleOutcome>;
  /** Tells whoever is on call that a person must act. */
  readonly alert: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

/** A join that everything was proven for but its place in the inventory. */
export interface Affirmed extends Pick<Applicant, 'missing'> {
  /** As it is on record; undefined for a machine that nobody enrolled. */
  readonly node: NodeRecord | undefined;
  /** What the evidence was appraised against. */
  readonly record: NodeRecord;
  readonly pool: EvidencePolicy;
  readonly proven: Omit<Proven, 'claims' | 'calledBack'> & { readonly claims: VerifiedClaims };
  readonly occasion: Occasion;
}

export type Standing =
  | { readonly kind: 'on-record' }
  | { readonly kind: 'awaiting-approval'; readonly retryAfterSeconds: number }
  | {
      readonly kind: 'refused';
      readonly problem: 'evidence-rejected' | 'rate-limited';
      readonly denial: Denial;
      readonly retryAfterSeconds?: number;
    };

/**
 * On `on-record` the node is in the inventory in a state that admits: it was before, or its pool's rule has put it there just now, under the
 * name that the rule gives and within the cap, with its audit record. On `awaiting-approval` it stands on the queue, with what it has proven.
 */
export async function settleStanding(deps: SettleStandingDeps, affirmed: Affirmed): Promise<Standing> {
  switch (affirmed.missing) {
    case undefined:
      return { kind: 'on-record' };
    case 'approval':
      return awaitApproval(deps, affirmed);
    case 'enrolment':
      return enrolByRule(deps, affirmed);
  }
}

async function awaitApproval(deps: SettleStandingDeps, affirmed: Affirmed): Promise<Standing> {
  const { node, record, pool, proven, occasion } = affirmed;
  const { at, requestId } = occasion;
  const { ekFingerprint, ekCertificate } = record;
  const { claims, origin } = proven;
  // What is not a TPM's would show the approver nothing to approve.
  if (claims.kind !== 'tpm2-quote') return refused({ code: 'evidence-kind-unexpected', found: claims.kind });
  const proof = candidateProof({ ...proven, claims, calledBack: pool.callback !== undefined });
  const sighting: CandidateSighting = {
    id: newCandidateId(deps.random),
    ekFingerprint,
    ekCertificate,
    pool: pool.pool,
    nodeId: node?.id,
    requestId,
    at,
    expiresAt: new Date(at.getTime() + EXPIRES_AFTER_MS),
    network: networkOf(origin),
    proof,
  };
  const facts = { candidateId: sighting.id, ekFingerprint, pool: pool.pool, nodeName: node?.name, proof };
  const queued = await deps.queueCandidate(sighting, QUEUE_BOUNDS, candidateQueued(occasion, facts));
  switch (queued.kind) {
    case 'queued':
    case 'waiting':
      return { kind: 'awaiting-approval', retryAfterSeconds: APPROVAL_RETRY_SECONDS };
    case 'refused':
      return refused({ code: 'approval-refused', detail: queued.reason });
    case 'full':
      deps.alert({ bound: queued.bound, address: origin }, 'the queue for approval is full');
      return noRoom({ code: 'approval-queue-full', found: queued.bound });
  }
}

async function enrolByRule(deps: SettleStandingDeps, affirmed: Affirmed): Promise<Standing> {
  const { record, pool, occasion } = affirmed;
  const { at } = occasion;
  const { id, name, ekFingerprint, ekCertificate } = record;
  const cap = { count: pool.newNodesPerHour, since: new Date(at.getTime() - HOUR_MS) };
  const enrolment = { id, name, pool: pool.pool, ekFingerprint, ekCertificate };
  const outcome = await deps.enrolByRule(
    { enrolment, at, cap },
    nodeEnrolledByRule(occasion, {
      nodeId: id,
      nodeName: name,
      pool: pool.pool,
      ekFingerprint,
      ekCertificateFingerprint: ekCertificate === undefined ? undefined : certificateFingerprint(ekCertificate),
    }),
  );
  if (outcome.ok) return { kind: 'on-record' };
  switch (outcome.conflict) {
    case 'cap-reached': {
      deps.alert(
        { pool: pool.pool, perHour: cap.count, ekFingerprint },
        'more new nodes than the pool takes in an hour',
      );
      return noRoom({ code: 'new-nodes-cap-reached', expected: `${cap.count} in an hour`, found: pool.pool });
    }
    case 'name-taken':
      return refused({
        code: 'node-name-taken',
        found: name,
        detail: 'the name that the rule gives is another node’s',
      });
    case 'ek-taken':
      return refused({ code: 'node-not-admissible', detail: 'the EK was enrolled while this join was judged' });
  }
}

const refused = (denial: Denial): Standing => ({ kind: 'refused', problem: 'evidence-rejected', denial });

const noRoom = (denial: Denial): Standing => ({
  kind: 'refused',
  problem: 'rate-limited',
  denial,
  retryAfterSeconds: ROOM_RETRY_SECONDS,
});
