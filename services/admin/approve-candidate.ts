import type { AuditEvent } from '#core/audit-record.ts';
import { type Candidate, proofChanges } from '#core/candidate.ts';
import type { Clock } from '#core/clock.ts';
import { type CandidateId, newNodeId, type NodeId, type PoolName } from '#core/ids.ts';
import { unreachable } from '#core/never.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import type { CandidateApproval } from '#protocol/candidates.ts';
import type { FieldError } from '#protocol/problem.ts';
import { candidateApproved, candidateRefused } from '#services/audit/admission-events.ts';
import type { Approval, ApprovalOutcome } from '#services/store/candidates.ts';
import type { Enrolment } from '#services/store/store.ts';

import type { Enroller } from './enrol-nodes.ts';

export interface CandidateDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly hasPool: (pool: PoolName) => boolean;
  readonly findNode: (id: NodeId) => Promise<NodeRecord | undefined>;
  readonly findCandidate: (id: CandidateId, at: Date) => Promise<Candidate | undefined>;
  readonly approveCandidate: (approval: Approval, event: AuditEvent) => Promise<ApprovalOutcome>;
  readonly refuseCandidate: (
    id: CandidateId,
    refusal: NonNullable<Candidate['refusal']>,
    event: AuditEvent,
  ) => Promise<boolean>;
}

export type ApprovedOutcome =
  | { readonly ok: true; readonly node: NodeRecord }
  | { readonly ok: false; readonly problem: 'not-found' | 'precondition-failed' }
  | {
      readonly ok: false;
      readonly problem: 'malformed-request' | 'state-conflict';
      readonly errors: readonly FieldError[];
    };

/**
 * Lets a machine in that waits. On `ok` it is a node in state `enrolled`, under the name and in the pool that the administrator gave (or its own,
 * where it was enrolled before), that is on record with the administrator's name and with what had changed since it was first seen, and what
 * it had proven was what the administrator saw. It has no certificate yet: its next join is judged like any other.
 */
export async function approveCandidate(
  deps: CandidateDeps,
  id: CandidateId,
  request: CandidateApproval,
  { name: by, ...where }: Enroller,
): Promise<ApprovedOutcome> {
  const at = deps.now();
  const candidate = await deps.findCandidate(id, at);
  if (candidate === undefined) return { ok: false, problem: 'not-found' };
  const node = candidate.nodeId === undefined ? undefined : await deps.findNode(candidate.nodeId);
  const target = targetOf(deps, candidate, node, request);
  if ('errors' in target) return { ok: false, problem: 'malformed-request', errors: target.errors };
  const { revision } = request;
  const event = candidateApproved({ ...where, at }, by, {
    candidateId: id,
    ekFingerprint: candidate.ekFingerprint,
    nodeId: target.node.id,
    nodeName: target.node.name,
    pool: target.node.pool,
    claimedNodeName: candidate.latest.claimedNodeName,
    revision,
    changes: proofChanges(candidate.first, candidate.latest),
  });
  const outcome = await deps.approveCandidate({ id, revision, enrolment: target.enrolment, by, at }, event);
  return outcome.ok ? outcome : conflictAnswer(outcome.conflict);
}

type Target =
  | { readonly node: Pick<NodeRecord, 'id' | 'name' | 'pool'>; readonly enrolment: Enrolment | undefined }
  | { readonly errors: readonly FieldError[] };

/** Which node the candidate becomes. Its name is never the machine's word alone. */
function targetOf(
  { random, hasPool }: CandidateDeps,
  candidate: Candidate,
  node: NodeRecord | undefined,
  { name, pool = candidate.pool }: CandidateApproval,
): Target {
  const errors: FieldError[] = [];
  if (node !== undefined) {
    const detail = 'the machine is a node already, and stays what it is';
    if (name !== undefined && name !== node.name) errors.push({ pointer: '/name', detail });
    if (pool !== node.pool) errors.push({ pointer: '/pool', detail });
    return errors.length > 0 ? { errors } : { node, enrolment: undefined };
  }
  if (!hasPool(pool)) errors.push({ pointer: '/pool', detail: 'the policy has no such pool' });
  if (name === undefined) errors.push({ pointer: '/name', detail: 'nobody has given this machine a name yet' });
  if (name === undefined || errors.length > 0) return { errors };
  const { ekFingerprint, ekCertificate } = candidate;
  const enrolment = { id: newNodeId(random), name, pool, ekFingerprint, ekCertificate };
  return { node: enrolment, enrolment };
}

function conflictAnswer(conflict: Extract<ApprovalOutcome, { ok: false }>['conflict']): ApprovedOutcome {
  const refuse = (pointer: string, detail: string): ApprovedOutcome => ({
    ok: false,
    problem: 'state-conflict',
    errors: [{ pointer, detail }],
  });
  switch (conflict) {
    case 'gone':
      return { ok: false, problem: 'not-found' };
    case 'changed':
      return { ok: false, problem: 'precondition-failed' };
    case 'name-taken':
      return refuse('/name', 'a node of this name is enrolled');
    case 'ek-taken':
      return refuse('', 'this EK was enrolled in the meantime');
    case 'node-not-pending':
      return refuse('', 'the node is not pending any more');
    default:
      return unreachable(conflict);
  }
}

/** On resolution to the time, the machine is refused until then, and that is on record; undefined where none of that id waits. */
export async function refuseCandidate(
  deps: CandidateDeps,
  id: CandidateId,
  reason: string,
  { name: by, ...where }: Enroller,
): Promise<Date | undefined> {
  const at = deps.now();
  const candidate = await deps.findCandidate(id, at);
  if (candidate === undefined) return undefined;
  const { ekFingerprint, latest, expiresAt } = candidate;
  const facts = { candidateId: id, ekFingerprint, claimedNodeName: latest.claimedNodeName, reason };
  const refused = await deps.refuseCandidate(id, { by, at, reason }, candidateRefused({ ...where, at }, by, facts));
  return refused ? expiresAt : undefined;
}
