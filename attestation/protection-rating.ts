import type { ProtectionRating } from '#core/node-record.ts';
import type { PoolPolicy } from '#protocol/policy.ts';
import { PROTECTION_RATINGS, type RatingTable } from '#protocol/ratings.ts';

import type { PolicyError } from './evidence-policy.ts';

/** A pool whose rating is established. */
export type RatedPool = PoolPolicy & { readonly protectionRating: ProtectionRating };

export type PoolRating =
  | { readonly ok: true; readonly pool: RatedPool }
  | { readonly ok: false; readonly error: PolicyError };

/**
 * The pool with the rating that it states, or that `table` gives its classification. Where it has both, what it states stands, and must not be lower. A
 * pool with neither has no rating. `path` is the pool's pointer.
 */
export function ratePool(pool: PoolPolicy, table: RatingTable, path: string): PoolRating {
  const { protectionRating: stated, classification } = pool;
  const at = `${path}/protectionRating`;
  if (classification === undefined) {
    if (stated !== undefined) return { ok: true, pool: { ...pool, protectionRating: stated } };
    return { ok: false, error: { path: at, detail: 'missing: expected protectionRating, or a classification' } };
  }
  const { exposure, criticality, sensitivity } = classification;
  const derived = table[sensitivity][criticality][exposure];
  const rating = stated ?? derived;
  if (rank(rating) >= rank(derived)) return { ok: true, pool: { ...pool, protectionRating: rating } };
  const detail = `${rating}, but its classification asks for ${derived}: expected that or a higher one`;
  return { ok: false, error: { path: at, detail } };
}

const rank = (rating: ProtectionRating): number => PROTECTION_RATINGS.indexOf(rating);

/**
 * Where the cluster finds a node's rating. Kubelets cannot set labels with this prefix (NodeRestriction), so that a node which has lost its
 * integrity cannot rate itself higher: a controller with rights of its own writes them.
 */
export const RATING_KEY = 'node-restriction.kubernetes.io/muster-protection-rating';

/** The labels that a node of this rating is to have. Not for the kubelet: the API server refuses it. */
export const ratingLabels = (rating: ProtectionRating): Readonly<Record<string, string>> => ({ [RATING_KEY]: rating });

/** A taint as a kubelet registers with it. */
export interface RatingTaint {
  readonly key: string;
  readonly value: ProtectionRating;
  readonly effect: 'NoSchedule';
}

/**
 * The taints that keep workloads which do not ask for the rating off its nodes; none for `default`. A kubelet may register with them, and a
 * rogue one may leave them out: they keep strangers off good nodes, while the labels keep good workloads off others.
 */
export const ratingTaints = (rating: ProtectionRating): readonly RatingTaint[] =>
  rating === 'default' ? [] : [{ key: RATING_KEY, value: rating, effect: 'NoSchedule' }];
