import type { RandomSource } from '#core/random.ts';

const FIRST_MS = 1_000;
const LAST_MS = 60_000;
/** A receiver that asks for more peace than this is asked again all the same. */
const RETRY_AFTER_MAX_MS = 3_600_000;

/** How long to wait before the next try: twice as long after each failure, up to a minute, less up to half of it by chance. */
export class RetryPace {
  readonly #random: RandomSource;
  #nextMs = FIRST_MS;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** After a failure: the milliseconds to wait, and at least what the receiver asked for, an hour at most. */
  next(retryAfterMs = 0): number {
    const fullMs = this.#nextMs;
    this.#nextMs = Math.min(fullMs * 2, LAST_MS);
    const waitMs = Math.ceil((fullMs / 2) * (1 + this.#fraction()));
    return Math.max(waitMs, Math.min(retryAfterMs, RETRY_AFTER_MAX_MS));
  }

  /** After a success. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }

  #fraction(): number {
    const bytes = this.#random(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
  }
}
