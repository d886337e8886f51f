import { utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';

import type { Sleep } from './sleep.ts';

const FIRST_CEILING_MS = 1_000;
const LAST_CEILING_MS = 60_000;

export interface PatienceDeps {
  /** Milliseconds since some moment, by a clock that is never set: at boot the machine's time may jump by years. */
  readonly elapsedMs: () => number;
  readonly sleep: Sleep;
  readonly random: RandomSource;
  /** Told before each wait: one sentence for the person who watches. */
  readonly progress: (line: string) => void;
}

/** How long one join may still wait. */
export interface Patience {
  /**
   * Waits before another attempt, and says so: `atLeastSeconds`, and beyond that a random part of a ceiling that doubles from 1 s to 60 s with
   * each call (full jitter), or of half of `atLeastSeconds` where that is more. False, at once, if that would take longer than there is time
   * left: there is no other attempt then.
   */
  pause(reason: string, atLeastSeconds?: number): Promise<boolean>;
}

/** Patience that ends `totalSeconds` from now. */
export function startPatience(deps: PatienceDeps, totalSeconds: number): Patience {
  const end = deps.elapsedMs() + totalSeconds * 1_000;
  let ceilingMs = FIRST_CEILING_MS;
  return {
    async pause(reason, atLeastSeconds = 0) {
      const waitMs = retryWaitMs(atLeastSeconds, ceilingMs, deps.random);
      ceilingMs = Math.min(ceilingMs * 2, LAST_CEILING_MS);
      if (deps.elapsedMs() + waitMs >= end) return false;
      deps.progress(`${reason}; asking again in ${renderSeconds(waitMs)}.`);
      await deps.sleep(waitMs);
      return true;
    },
  };
}

/**
 * How long to wait where the service asked for `askedSeconds`: that, and a random part of `ceilingMs` or of half of what was asked, whichever is
 * more. All that were told the same moment would otherwise come back at the same moment.
 */
export function retryWaitMs(askedSeconds: number, ceilingMs: number, random: RandomSource): number {
  const askedMs = askedSeconds * 1_000;
  return askedMs + Math.floor(fraction(random(4)) * Math.max(ceilingMs, askedMs / 2));
}

/** The part of `spreadSeconds` that `name` waits before its first request, in milliseconds: always the same for one name. */
export function firstDelayMs(name: string, spreadSeconds: number): number {
  return Math.floor(fraction(sha256(utf8(name))) * spreadSeconds * 1_000);
}

/** The first four bytes as a number from 0 up to, not including, 1. */
export function fraction(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(0) / 2 ** 32;
}

function renderSeconds(ms: number): string {
  return ms < 1_000 ? 'less than a second' : `${Math.ceil(ms / 1_000)} s`;
}
