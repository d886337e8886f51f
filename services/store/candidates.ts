import type { AuditEvent } from '#core/audit-record.ts';
import type { Candidate, CandidateProof } from '#core/candidate.ts';
import type { CandidateId } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';

import type { Enrolment } from './store.ts';

/** A join that waits for an administrator. */
export interface CandidateSighting extends Pick<
  Candidate,
  'id' | 'ekFingerprint' | 'ekCertificate' | 'pool' | 'nodeId' | 'requestId' | 'expiresAt'
> {
  readonly at: Date;
  /** What one host can call from: the bound for each source counts by it. */
  readonly network: string;
  readonly proof: CandidateProof;
}

/** How many may wait at once. */
export interface QueueBounds {
  readonly perNetwork: number;
  readonly total: number;
}

/**
 * `queued`: it waits from now on, and the event is on record. `waiting`: it waited before; what it proved now stands beside what it proved
 * first. `refused`: an administrator refused it, and that has not expired. `full`: as many wait as may.
 */
export type Queued =
  | { readonly kind: 'queued' | 'waiting'; readonly candidate: Candidate }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'full'; readonly bound: keyof QueueBounds };

/** An administrator's yes to what was seen. */
export interface Approval {
  readonly id: CandidateId;
  /** What the administrator saw. */
  readonly revision: number;
  /** The record of a machine that nobody enrolled; undefined where the candidate is a node. */
  readonly enrolment: Enrolment | undefined;
  readonly by: string;
  readonly at: Date;
}

/**
 * `gone`: no such candidate, or it expired. `changed`: it has proven something else since that revision, or is not of the kind that the
 * approval is for. `node-not-pending`: its node's state is none that an approval changes.
 */
export type ApprovalOutcome =
  | { readonly ok: true; readonly node: NodeRecord }
  | { readonly ok: false; readonly conflict: 'gone' | 'changed' | 'node-not-pending' | 'name-taken' | 'ek-taken' };

/** A machine that its pool enrols by rule. */
export interface RuleEnrolment {
  readonly enrolment: Enrolment;
  readonly at: Date;
  /** At most `count` of the pool's nodes are enrolled by rule after `since`, this one among them. */
  readonly cap: { readonly count: number; readonly since: Date };
}

export type RuleOutcome =
  | { readonly ok: true; readonly node: NodeRecord }
  | { readonly ok: false; readonly conflict: 'cap-reached' | 'name-taken' | 'ek-taken' };

/** Reads of the queue. */
export interface CandidateReader {
  /** Those that have not expired at `at`, waiting ones first, longest waiting first; at most `limit`. */
  listCandidates(at: Date, limit: number): Promise<readonly Candidate[]>;
  /** The candidate, unless it has expired at `at`. */
  findCandidate(id: CandidateId, at: Date): Promise<Candidate | undefined>;
}

/** Changes to the queue, and what they do to the inventory. Each is one transaction with its event. */
export interface CandidateWriter {
  /**
   * Puts the machine on the queue, or notes that it was seen again. A node that is `enrolled` becomes `pending`. Forgets what has expired.
   * `event` is recorded where the answer is `queued`, and only there.
   */
  queueCandidate(sighting: CandidateSighting, bounds: QueueBounds, event: AuditEvent): Promise<Queued>;
  /** Enrols the candidate, or lets its pending node join; the candidate is off the queue. */
  approveCandidate(approval: Approval, event: AuditEvent): Promise<ApprovalOutcome>;
  /** Marks it refused, until it expires. Resolves to false where there is no such candidate that waits. */
  refuseCandidate(id: CandidateId, refusal: NonNullable<Candidate['refusal']>, event: AuditEvent): Promise<boolean>;
  /** Enrols the machine, unless that is one more than the cap allows. Counted from the nodes on record, retired ones too. */
  enrolByRule(enrolment: RuleEnrolment, event: AuditEvent): Promise<RuleOutcome>;
}

/** `enrolledBy` of a node that its pool enrolled by rule. What an administrator of that name enrols would only count against the cap. */
export const BY_RULE = 'rule:endorsed';
