import type { EvidencePolicy, Policy } from '#attestation/evidence-policy.ts';
import type { PoolName } from '#core/ids.ts';
import { SEGMENT_CLASSES, type SegmentClass } from '#protocol/policy.ts';
import { type Origin, SegmentSet } from '#services/http/origin.ts';

import { JOIN_BODY_BYTES, joinBodyBytes } from './join-body-bytes.ts';

/** Where an address stands with a pool. */
export type Standing =
  | { readonly accepted: true; readonly class: SegmentClass }
  /** In a segment of the pool, of a class that it does not take joins from. */
  | { readonly accepted: false; readonly class: SegmentClass }
  | { readonly accepted: false; readonly class: undefined };

/** A policy with its segments ready to be asked about. */
export interface JoinPolicy {
  readonly policy: Policy;
  /** True for an address that some pool takes joins from. */
  admitsFrom(origin: Origin): boolean;
  /** True for an address that this pool takes joins from; false where there is no such pool. */
  admitsTo(pool: PoolName, origin: Origin): boolean;
  /** Why `admitsTo`, or without a pool `admitsFrom`, is false: one sentence for the audit log. */
  whyRefused(origin: Origin, pool?: PoolName): string;
  /** The first pool in order of name that takes joins from `origin`, and takes machines that nobody enrolled. */
  candidatePoolFor(origin: Origin): EvidencePolicy | undefined;
  /** The first pool in order of name that takes joins from `origin`: what a caller whom no pool takes is asked to prove, like any other. */
  anyPoolFor(origin: Origin): EvidencePolicy | undefined;
  /** Bytes that the body of a join from there may need: as many as the logs take that some pool asks for which takes joins from there. */
  bodyBytesFrom(origin: Origin | undefined): number;
  /** A segment that `origin` is in, of whatever pool; always the same one for the same address. */
  segmentOf(origin: Origin): string | undefined;
}

/** Addresses whose segment is remembered. */
const REMEMBERED = 4_096;

/** Throws RangeError where a pool's segment is not CIDR notation. */
export function joinPolicy(policy: Policy): JoinPolicy {
  const inOrder = [...policy.pools.values()].toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
  const standings = new Map(inOrder.map((pool) => [pool.pool, standingIn(pool)]));
  const standing = (pool: PoolName, origin: Origin): Standing => standings.get(pool)?.(origin) ?? NOWHERE;
  const admitsTo = (pool: PoolName, origin: Origin): boolean => standing(pool, origin).accepted;
  const anyPoolFor = (origin: Origin): EvidencePolicy | undefined => inOrder.find(({ pool }) => admitsTo(pool, origin));
  const candidatePoolFor = (origin: Origin): EvidencePolicy | undefined =>
    inOrder.find(({ pool, admission }) => admission !== 'enrolled' && admitsTo(pool, origin));
  const whyRefused = (origin: Origin, pool?: PoolName): string => {
    const of = (pool === undefined ? inOrder.map((each) => each.pool) : [pool])
      .map((name) => standing(name, origin).class)
      .find((found) => found !== undefined);
    if (of === undefined) return `not in a segment of ${pool === undefined ? 'any pool' : `pool ${pool}`}`;
    const whose = pool === undefined ? 'no pool takes' : `pool ${pool} does not take`;
    return `in a segment of class ${of}, which ${whose} joins from`;
  };
  return Object.freeze({
    policy,
    admitsTo,
    anyPoolFor,
    candidatePoolFor,
    bodyBytesFrom: (origin: Origin | undefined) =>
      Math.max(
        JOIN_BODY_BYTES,
        ...inOrder.filter(({ pool }) => origin !== undefined && admitsTo(pool, origin)).map(joinBodyBytes),
      ),
    whyRefused,
    admitsFrom: (origin: Origin) => anyPoolFor(origin) !== undefined,
    segmentOf: segmentFinder(inOrder),
  });
}

const NOWHERE: Standing = { accepted: false, class: undefined };

/** The least trusted class decides: a range inside another may take trust away and never give it. */
function standingIn({ segments, acceptClasses }: EvidencePolicy): (origin: Origin) => Standing {
  const byClass = SEGMENT_CLASSES.toReversed().flatMap((of) => {
    const ranges = segments.filter((segment) => segment.class === of).map(({ cidr }) => cidr);
    return ranges.length === 0 ? [] : [{ class: of, set: new SegmentSet(ranges) }];
  });
  return (origin) => {
    const found = byClass.find(({ set }) => set.contains(origin));
    if (found === undefined) return NOWHERE;
    return { accepted: acceptClasses.includes(found.class), class: found.class };
  };
}

function segmentFinder(pools: readonly EvidencePolicy[]): (origin: Origin) => string | undefined {
  const ranges = [...new Set(pools.flatMap(({ segments }) => segments.map(({ cidr }) => cidr)))];
  const sets = ranges.map((cidr) => ({ cidr, set: new SegmentSet([cidr]) }));
  const known = new Map<Origin, string | undefined>();
  return (origin) => {
    if (known.has(origin)) return known.get(origin);
    const cidr = sets.find(({ set }) => set.contains(origin))?.cidr;
    if (known.size >= REMEMBERED) known.clear();
    known.set(origin, cidr);
    return cidr;
  };
}
