import type { RandomSource } from '#core/random.ts';

import { ProblemError } from './problem-error.ts';

export interface WorkLimitOptions {
  /** Pieces of work that run at the same time. */
  readonly running: number;
  /** Pieces that wait for a place. One more is refused. */
  readonly waiting: number;
  /** How long one waits for a place before it is refused. */
  readonly waitMs: number;
  /** How long one may run before its caller is told to come back. It keeps its place until it has ended. */
  readonly runMs: number;
}

export interface WorkLimitDeps {
  /** Milliseconds of a clock that never goes back. */
  readonly elapsedMs: () => number;
  readonly random: RandomSource;
  /** Calls back after `ms` milliseconds, unless what it returns is called before. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** Resolves in a later turn of the event loop, when other sockets have had theirs. */
  readonly turn: () => Promise<void>;
}

interface Waiting {
  readonly start: () => void;
}

/** Weight of the newest measurement in the mean. */
const SMOOTHING = 0.2;
const FIRST_MEAN_MS = 100;
const RETRY_MAX_SECONDS = 60;

/**
 * Bounds how much expensive work is under way. Each piece begins in a turn of the event loop of its own, so that a listener that does no
 * such work is served between two of them however many wait.
 */
export class WorkLimit {
  readonly #options: WorkLimitOptions;
  readonly #deps: WorkLimitDeps;
  readonly #queue = new Set<Waiting>();
  #running = 0;
  #meanMs = FIRST_MEAN_MS;

  constructor(options: WorkLimitOptions, deps: WorkLimitDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** What is under way and what waits. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#queue.size };
  }

  /**
   * Does `work` once there is a place. Rejects with the problem `overloaded`, before `work` began when nothing may wait any more or it
   * waited too long, and while `work` goes on when it ran too long: what it does is then still done.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#place();
    const startedMs = this.#deps.elapsedMs();
    const result = this.#deps.turn().then(work);
    const ended = (): void => {
      this.#meanMs += (this.#deps.elapsedMs() - startedMs - this.#meanMs) * SMOOTHING;
      this.#release();
    };
    result.then(ended, ended);
    return this.#untilTooLong(result);
  }

  async #place(): Promise<void> {
    if (this.#running < this.#options.running) {
      this.#running += 1;
      return;
    }
    if (this.#queue.size >= this.#options.waiting) throw this.#overloaded();
    await new Promise<void>((resolve, reject) => {
      const entry: Waiting = {
        start: () => {
          forget();
          resolve();
        },
      };
      const forget = this.#deps.after(this.#options.waitMs, () => {
        this.#queue.delete(entry);
        reject(this.#overloaded());
      });
      this.#queue.add(entry);
    });
  }

  /** Hands the place on to the one that has waited longest. */
  #release(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#queue.delete(next);
    next.start();
  }

  #untilTooLong<T>(result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.#deps.after(this.#options.runMs, () => {
        reject(this.#overloaded());
      });
      result.then(resolve, reject).finally(forget);
    });
  }

  /** The time that the queue takes at the measured rate, times a random factor from 0.5 to 1.5, so that those refused together do not come back together. */
  #overloaded(): ProblemError {
    const queueMs = ((this.#queue.size + 1) * this.#meanMs) / this.#options.running;
    const factor = 0.5 + Buffer.from(this.#deps.random(4)).readUInt32BE(0) / 2 ** 32;
    const seconds = Math.ceil((queueMs * factor) / 1_000);
    return new ProblemError('overloaded', { retryAfterSeconds: Math.min(Math.max(seconds, 1), RETRY_MAX_SECONDS) });
  }
}
