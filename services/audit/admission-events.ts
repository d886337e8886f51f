import type { Denial } from '#attestation/result.ts';
import type { CandidateProof, ProofChange } from '#core/candidate.ts';
import type { CandidateId, EkFingerprint, NodeId, NodeName, PoolName } from '#core/ids.ts';

import type { AuditEventOf } from './catalogue.ts';
import { adminActor, ANONYMOUS, type EnrolledNode, nodeActor, type Occasion, SERVICE } from './events.ts';

/** A machine, or a node, that waits for an administrator. */
export interface QueuedCandidate {
  readonly candidateId: CandidateId;
  readonly ekFingerprint: EkFingerprint;
  readonly pool: PoolName;
  /** Undefined for a machine that nobody enrolled. */
  readonly nodeName: NodeName | undefined;
  readonly proof: CandidateProof;
}

/** Once for each EK, when it begins to wait. What it proved is in the facts; its name there is only what it says. */
export function candidateQueued(occasion: Occasion, candidate: QueuedCandidate): AuditEventOf<'candidate.queued'> {
  const { nodeName, candidateId, ekFingerprint, pool, proof } = candidate;
  const actor = nodeName === undefined ? ANONYMOUS : nodeActor(nodeName);
  return { type: 'candidate.queued', ...occasion, actor, nodeName, facts: { candidateId, ekFingerprint, pool, proof } };
}

export interface ApprovedCandidate {
  readonly candidateId: CandidateId;
  readonly ekFingerprint: EkFingerprint;
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  readonly pool: PoolName;
  readonly claimedNodeName: string;
  /** Of what the approver saw. */
  readonly revision: number;
  /** Between what it proved first and what the approver saw. */
  readonly changes: readonly ProofChange[];
}

/** `subject`: the administrator's, from the client certificate. */
export function candidateApproved(
  occasion: Occasion,
  subject: string,
  candidate: ApprovedCandidate,
): AuditEventOf<'candidate.approved'> {
  const { nodeName, changes, ...rest } = candidate;
  const facts = { ...rest, changes: changes.map((change) => ({ ...change })) };
  return { type: 'candidate.approved', ...occasion, actor: adminActor(subject), nodeName, facts };
}

/** `subject`: the administrator's, from the client certificate. */
export function candidateRefused(
  occasion: Occasion,
  subject: string,
  facts: AuditEventOf<'candidate.refused'>['facts'],
): AuditEventOf<'candidate.refused'> {
  return { type: 'candidate.refused', ...occasion, actor: adminActor(subject), facts };
}

/** Belongs in the transaction that enrols the node. */
export function nodeEnrolledByRule(occasion: Occasion, node: EnrolledNode): AuditEventOf<'node.enrolled'> {
  const { nodeName, ...facts } = node;
  return { type: 'node.enrolled', ...occasion, actor: SERVICE, nodeName, facts };
}

/** A key that two hold. */
export interface Conflict {
  readonly denial: Denial;
  /** The EK of the join that showed it. */
  readonly claimantEk: EkFingerprint;
  /** The claimant, where it is a node. */
  readonly claimant: NodeName | undefined;
  readonly holders: readonly NodeName[];
}

/** About each node that is frozen for it; where none is, once, about the first holder. */
export function nodeConflict(
  occasion: Occasion,
  nodeName: NodeName | undefined,
  { denial, claimantEk, claimant, holders }: Conflict,
): AuditEventOf<'node.conflict'> {
  const facts = { code: denial.code, key: denial.found, detail: denial.detail, claimantEk, claimant, holders };
  return { type: 'node.conflict', ...occasion, actor: SERVICE, nodeName, facts };
}
