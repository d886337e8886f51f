/** The longest that a task does one thing: a TPM may search minutes for an RSA key, more than once in a join. */
const STUCK_AFTER_MS = 900_000;

/** Which of the service's tasks still move. */
export class Liveness {
  readonly #elapsedMs: () => number;
  readonly #seen = new Map<string, number>();

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  /** What `task` calls whenever it gets anywhere. Before its first call nothing is expected of it. */
  watch(task: string): () => void {
    return () => void this.#seen.set(task, this.#elapsedMs());
  }

  /** The task has ended, as it should. */
  forget(task: string): void {
    this.#seen.delete(task);
  }

  /** A task that has got nowhere for a quarter of an hour. */
  stuckTask(): string | undefined {
    const since = this.#elapsedMs() - STUCK_AFTER_MS;
    for (const [task, at] of this.#seen) if (at < since) return task;
    return undefined;
  }
}
