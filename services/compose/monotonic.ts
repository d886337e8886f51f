import { performance } from 'node:perf_hooks';
import { setImmediate, setTimeout as pause } from 'node:timers/promises';

import { runInTurns, type Steps } from '#core/steps.ts';

/** Milliseconds by a clock that is never set. */
export const elapsedMs = (): number => performance.now();

/** Calls back after `ms` milliseconds, unless what it returns is called before. Keeps no process alive. */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => {
    clearTimeout(timer);
  };
}

/** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
export const pauseUntil = async (ms: number, signal: AbortSignal): Promise<void> => {
  await pause(ms, undefined, { signal }).catch(() => undefined);
};

/** Resolves in the next turn of the event loop. */
export const turn = async (): Promise<void> => {
  await setImmediate();
};

/** Long enough that a join without logs never waits, and half of what the event loop may be held up. */
const SLICE_MS = 5;

/** The result of something long; the event loop goes on meanwhile. */
export const inTurns = async <T>(steps: Steps<T>): Promise<T> =>
  runInTurns(steps, { elapsedMs, turn, sliceMs: SLICE_MS });
