import type { EvidencePolicy } from '#attestation/evidence-policy.ts';
import { nodeNameByRule } from '#attestation/name-rule.ts';
import type { Bytes } from '#core/bytes.ts';
import { newNodeId } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import type { Origin } from '#services/http/origin.ts';
import { BY_RULE } from '#services/store/candidates.ts';
import { newNodeRecord } from '#services/store/new-node-record.ts';

import type { JoinPolicy } from './join-policy.ts';
import type { TicketFacts } from './ticket-facts.ts';

/** Who asks to join, as the inventory and the policy see it before anything is proven. */
export interface Applicant {
  /**
   * What the evidence is appraised against: the node's record or, where something is `missing`, the record as it will be once that is there.
   * Undefined for a machine that no pool takes.
   */
  readonly record: NodeRecord | undefined;
  /** Whose demands hold. Undefined where the policy has no such pool, or there is no record. */
  readonly pool: EvidencePolicy | undefined;
  /** What the inventory lacks before a certificate may be issued: an administrator's yes, or the enrolment that the pool's rule makes. */
  readonly missing: 'approval' | 'enrolment' | undefined;
}

export interface ApplicantInput {
  /** The record of the key that the challenge is for. */
  readonly node: NodeRecord | undefined;
  readonly challenge: TicketFacts;
  readonly inForce: JoinPolicy;
  readonly origin: Origin;
  readonly random: RandomSource;
  readonly now: Date;
}

/**
 * Establishes nothing about the machine: it says which record and which demands its evidence will be held against. The same challenge, policy
 * and inventory always give the same pool, so what the challenge asked for is what is judged.
 */
export function applicantOf(input: ApplicantInput): Applicant {
  const { node, inForce } = input;
  if (node === undefined) return strangerOf(input);
  const pool = inForce.policy.pools.get(node.pool);
  if (!awaitsApproval(node, pool)) return { record: node, pool, missing: undefined };
  return { record: { ...node, state: 'enrolled' }, pool, missing: 'approval' };
}

/** A node that is pending; and one of a highly protected pool that has neither joined yet nor been approved. */
function awaitsApproval(node: NodeRecord, pool: EvidencePolicy | undefined): boolean {
  if (node.state === 'pending') return true;
  const isNew = node.state === 'enrolled' && node.lastJoinAt === undefined && node.approval === undefined;
  return isNew && pool?.protectionRating === 'highly-protected';
}

/** A machine that nobody enrolled. Only a TPM has an identity that nobody had to give it. */
function strangerOf({ challenge, inForce, origin, random, now }: ApplicantInput): Applicant {
  const pool = challenge.kind === 'tpm2-quote' ? inForce.candidatePoolFor(origin) : undefined;
  if (pool === undefined || challenge.kind !== 'tpm2-quote') {
    return { record: undefined, pool: undefined, missing: undefined };
  }
  const { ekFingerprint, claimedNodeName } = challenge;
  const byRule = pool.admission === 'endorsed';
  const name = byRule ? nodeNameByRule(pool.nameRule, { pool: pool.pool, ekFingerprint }) : claimedNodeName;
  if (name === undefined) throw new Error('a name rule was checked when the policy was read');
  const ekCertificate = judgedCertificate(challenge.ekCertificates, pool);
  const enrolment = { id: newNodeId(random), name, pool: pool.pool, ekFingerprint, ekCertificate };
  return {
    record: newNodeRecord(enrolment, BY_RULE, now),
    pool,
    missing: byRule ? 'enrolment' : 'approval',
  };
}

/** Nobody vouches for a certificate that the pool does not judge. */
const judgedCertificate = (certificates: readonly Bytes[], { tpm2 }: EvidencePolicy): Bytes | undefined =>
  tpm2.ekAnchors === undefined ? undefined : certificates[0];
