import type { RandomSource } from '#core/random.ts';

import { MAX_RETRY_AFTER_SECONDS } from '../answer.ts';
import { fraction, retryWaitMs } from '../retry.ts';
import type { RoundOutcome } from './round.ts';

/** A round that ended without a certificate. */
export type Setback = Exclude<RoundOutcome, { readonly status: 'joined' | 'superseded' | 'interrupted' }>;

export interface Retries {
  /** How long to wait after this setback, in milliseconds. */
  next(setback: Setback): number;
  /** After a success. */
  reset(): void;
}

/** Where waiting helps, a round has been patient already; this comes between two of them. */
const SOON_CEILING_MS = 60_000;
/** Where a person must do something first: it is not missed for long, and the service is not asked in vain too often. */
const FIRST_SLOW_MS = 120_000;
const LAST_SLOW_MS = 1_800_000;

/**
 * The waits between rounds. A service that is away or asks for patience is asked again within a minute, beyond what it asks for; one that refused
 * this node, and a machine that cannot attest, after one to two minutes, and after up to half an hour when it goes on. All waits are partly random.
 */
export function startRetries(random: RandomSource): Retries {
  let slowMs = FIRST_SLOW_MS;
  return {
    next(setback) {
      if (setback.status === 'not-yet') {
        return retryWaitMs(Math.min(setback.retryAfterSeconds, MAX_RETRY_AFTER_SECONDS), SOON_CEILING_MS, random);
      }
      if (setback.status === 'unreachable') return retryWaitMs(0, SOON_CEILING_MS, random);
      const waitMs = Math.floor((slowMs / 2) * (1 + fraction(random(4))));
      slowMs = Math.min(slowMs * 2, LAST_SLOW_MS);
      return waitMs;
    },
    reset() {
      slowMs = FIRST_SLOW_MS;
    },
  };
}
