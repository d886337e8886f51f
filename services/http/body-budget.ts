import type { RandomSource } from '#core/random.ts';

import { networkOf, type Origin } from './origin.ts';
import { ProblemError } from './problem-error.ts';

export interface BodyBudgetOptions {
  /** Bytes of bodies that a listener holds at the same time, of all callers together. */
  readonly totalBytes: number;
  readonly random: RandomSource;
}

/** What one request may hold of the budget. */
export interface BodyAllowance {
  /** Counts `bytes` more. Throws the problem `overloaded`, and nothing was counted, where they are too many. */
  readonly take: (bytes: number) => void;
  /** Gives back all that was taken. Nothing is taken afterwards. */
  readonly release: () => void;
}

/** A network may hold this part of what would still be free beside it. */
export const FREE_TO_HELD = 4;
/** Of those who have no address that a segment can contain. */
const NOWHERE = 'outside';
const RETRY_MAX_SECONDS = 8;

/**
 * Bounds the bytes of request bodies that are held at the same time: each is in memory before anything can be checked of it.
 *
 * It is shared by the caller's network (one IPv4 address, one IPv6 /64): after what one takes, at least four times as much as it holds is
 * free. A network alone so gets a fifth, and the more there are, the less each; small bodies are still taken when large ones are not.
 */
export class BodyBudget {
  readonly #totalBytes: number;
  readonly #random: RandomSource;
  readonly #held = new Map<string, number>();
  #usedBytes = 0;

  constructor({ totalBytes, random }: BodyBudgetOptions) {
    this.#totalBytes = totalBytes;
    this.#random = random;
  }

  /** Held now, of all callers. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** For one request from `origin`. Whoever opens it releases it. */
  open(origin: Origin | undefined): BodyAllowance {
    const network = origin === undefined ? NOWHERE : networkOf(origin);
    let taken = 0;
    let isReleased = false;
    return {
      take: (bytes) => {
        if (isReleased) throw new Error('the request has ended');
        const held = (this.#held.get(network) ?? 0) + bytes;
        const free = this.#totalBytes - this.#usedBytes - bytes;
        if (held * FREE_TO_HELD > free) throw this.#overloaded();
        this.#put(network, held, bytes);
        taken += bytes;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#put(network, (this.#held.get(network) ?? 0) - taken, -taken);
      },
    };
  }

  #put(network: string, held: number, change: number): void {
    this.#usedBytes += change;
    if (held > 0) this.#held.set(network, held);
    else this.#held.delete(network);
  }

  /** Seconds at random, so that those refused together do not come back together. */
  #overloaded(): ProblemError {
    const fraction = Buffer.from(this.#random(4)).readUInt32BE() / 2 ** 32;
    return new ProblemError('overloaded', { retryAfterSeconds: 1 + Math.floor(fraction * RETRY_MAX_SECONDS) });
  }
}
