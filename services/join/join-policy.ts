import type { EvidencePolicy, Policy } from '#attestation/evidence-policy.ts';
import type { PoolName } from '#core/ids.ts';
import { type Origin, SegmentSet } from '#services/http/origin.ts';

/** A policy with its segments ready to be asked about. */
export interface JoinPolicy {
  readonly policy: Policy;
  /** True for an address in a segment of any pool. */
  admitsFrom(origin: Origin): boolean;
  /** True for an address in one of this pool's segments; false where there is no such pool. */
  admitsTo(pool: PoolName, origin: Origin): boolean;
  /** The first pool in order of name with `origin` in its segments: what a caller whom nobody enrolled is asked to prove. */
  anyPoolFor(origin: Origin): EvidencePolicy | undefined;
}

/** Throws RangeError where a pool's segment is not CIDR notation. */
export function joinPolicy(policy: Policy): JoinPolicy {
  const inOrder = [...policy.pools.values()].toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
  const segments = new Map(inOrder.map((pool) => [pool.pool, new SegmentSet(pool.segments)]));
  const admitsTo = (pool: PoolName, origin: Origin): boolean => segments.get(pool)?.contains(origin) ?? false;
  const anyPoolFor = (origin: Origin): EvidencePolicy | undefined => inOrder.find(({ pool }) => admitsTo(pool, origin));
  return Object.freeze({
    policy,
    admitsTo,
    anyPoolFor,
    admitsFrom: (origin: Origin) => anyPoolFor(origin) !== undefined,
  });
}
