/** How often something may happen. */
export interface Rate {
  /** How often at once, after a rest. At least 1. */
  readonly burst: number;
  readonly perMinute: number;
}

/** More than the rounding errors of adding a million intervals, and nothing that a caller could notice. */
const ROUNDING_MS = 0.001;
/** Keys that one limit remembers. Each costs some hundred bytes. */
const KEYS_MAX = 50_000;

/**
 * A limit for each key by the generic cell rate algorithm (ITU-T I.371): all it remembers of a key is the moment at which its allowance is
 * whole again, and a key whose allowance is whole is forgotten. Times are milliseconds of a clock that never goes back.
 *
 * At most `keysMax` keys are remembered. When there are more, the one longest without a request is forgotten first: whoever has that many
 * keys is not bounded by a limit for each, and refusing instead would let them shut everybody else out.
 */
export class RateLimit {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  readonly #keysMax: number;
  /** Least recently charged first. */
  readonly #wholeAt = new Map<string, number>();

  constructor({ burst, perMinute }: Rate, keysMax = KEYS_MAX) {
    if (!(burst >= 1 && perMinute > 0)) throw new RangeError('a rate admits something');
    this.#intervalMs = 60_000 / perMinute;
    this.#toleranceMs = (burst - 1) * this.#intervalMs;
    this.#keysMax = keysMax;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#wholeAt.size;
  }

  /** How long from `nowMs` until `key` may do it again; 0 for at once. Charges nothing. */
  waitMs(key: string, nowMs: number): number {
    const wholeAt = this.#wholeAt.get(key) ?? nowMs;
    const waitMs = wholeAt - this.#toleranceMs - nowMs;
    return waitMs > ROUNDING_MS ? waitMs : 0;
  }

  /** Counts one, whether or not it was allowed. */
  charge(key: string, nowMs: number): void {
    const wholeAt = Math.max(this.#wholeAt.get(key) ?? nowMs, nowMs) + this.#intervalMs;
    this.#wholeAt.delete(key);
    this.#wholeAt.set(key, wholeAt);
    this.#forget(nowMs);
  }

  #forget(nowMs: number): void {
    for (const [key, wholeAt] of this.#wholeAt) {
      // The first that is still needed ends it: what is behind it is younger, and its turn comes.
      if (wholeAt > nowMs && this.#wholeAt.size <= this.#keysMax) return;
      this.#wholeAt.delete(key);
    }
  }
}

/** One key under one limit. */
export type Charge = readonly [limit: RateLimit, key: string];

/**
 * Charges every key, or where one of them must wait none: what is refused costs nobody's allowance. Undefined when they were charged;
 * otherwise the whole seconds after which all of them would be let through.
 */
export function chargeAll(charges: readonly Charge[], nowMs: number): number | undefined {
  const waitMs = Math.max(0, ...charges.map(([limit, key]) => limit.waitMs(key, nowMs)));
  if (waitMs > 0) return Math.ceil(waitMs / 1_000);
  for (const [limit, key] of charges) limit.charge(key, nowMs);
  return undefined;
}
