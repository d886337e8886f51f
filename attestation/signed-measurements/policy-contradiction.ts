import type { PoolPolicy } from '#protocol/policy.ts';

import type { PolicyError } from '../evidence-policy.ts';

/** The one rating that signed measurements can earn: a key in a file can be copied, and whoever has it can sign anything. */
export const MEASUREMENTS_RATING = 'default';

/** A pool above the rating that signed measurements can earn may not take them at all. */
export function checkSignedMeasurements(
  { protectionRating, signedMeasurements }: Pick<PoolPolicy, 'protectionRating' | 'signedMeasurements'>,
  path: string,
): PolicyError[] {
  if (signedMeasurements === undefined || protectionRating === MEASUREMENTS_RATING) return [];
  const detail = `a ${protectionRating} node needs a hardware TPM: signed measurements never earn more than ${MEASUREMENTS_RATING}`;
  return [{ path: `${path}/signedMeasurements`, detail }];
}
