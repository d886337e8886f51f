import type { RandomSource } from '#core/random.ts';

import { retryAfterMs } from '../cluster/follow-objects.ts';

export interface NodeQueueDeps {
  readonly elapsedMs: () => number;
  readonly pause: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly random: RandomSource;
  /** Brings one node to where it should be. Rejects where it could not: it is tried again, later each time. */
  readonly work: (name: string) => Promise<void>;
  readonly onFault: (name: string, error: unknown) => void;
}

/** Nodes that are worked on at one time. */
const RUNNING_MAX = 8;
const IDLE_MS = 50;

/** Names that wait for work: each once, and each worked on by nobody else meanwhile. */
export class NodeQueue {
  readonly #deps: NodeQueueDeps;
  readonly #dueMs = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, number>();

  constructor(deps: NodeQueueDeps) {
    this.#deps = deps;
  }

  /** Work on `name` begins soon, also where it is being worked on: what that began with may be out of date. */
  add(name: string): void {
    this.#dueMs.set(name, 0);
  }

  /** Works until `stop` aborts; what was begun is finished. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      this.#begin(stop);
      await this.#deps.pause(IDLE_MS, stop);
    }
    await Promise.all(this.#running.values());
  }

  #begin(stop: AbortSignal): void {
    const now = this.#deps.elapsedMs();
    for (const [name, dueMs] of this.#dueMs) {
      if (this.#running.size >= RUNNING_MAX || stop.aborted) return;
      if (dueMs > now || this.#running.has(name)) continue;
      this.#dueMs.delete(name);
      this.#running.set(name, this.#work(name, stop));
    }
  }

  async #work(name: string, stop: AbortSignal): Promise<void> {
    try {
      await this.#deps.work(name);
      this.#failures.delete(name);
    } catch (error) {
      if (stop.aborted) return;
      const failures = (this.#failures.get(name) ?? 0) + 1;
      this.#failures.set(name, failures);
      this.#deps.onFault(name, error);
      const againMs = this.#deps.elapsedMs() + retryAfterMs(failures, this.#deps.random);
      this.#dueMs.set(name, Math.max(this.#dueMs.get(name) ?? 0, againMs));
    } finally {
      this.#running.delete(name);
      // Whoever waits for room need not wait for the next look.
      this.#begin(stop);
    }
  }
}
