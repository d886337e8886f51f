/**
 * Work on something long that offers to stop after every part. What it returns does not depend on whether, or for how long, it was stopped;
 * so nothing that it reads may change meanwhile.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** The result, worked out in one go. */
export function runToEnd<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

export interface Turns {
  readonly elapsedMs: () => number;
  /** Resolves when others have had their turn. */
  readonly turn: () => Promise<unknown>;
  /** How long the work goes on before others have theirs. It is noticed between two parts only. */
  readonly sliceMs: number;
}

/** The same result, worked out in slices between which the event loop goes on. What is over within one slice never waits. */
export async function runInTurns<T>(steps: Steps<T>, { elapsedMs, turn, sliceMs }: Turns): Promise<T> {
  let begunMs = elapsedMs();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (elapsedMs() - begunMs < sliceMs) continue;
    await turn();
    begunMs = elapsedMs();
  }
}
