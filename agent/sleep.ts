import { setTimeout as delay } from 'node:timers/promises';

/** Waiting, as a capability: resolves after `ms` milliseconds, or sooner when `signal` is aborted. A test's sleep moves its clock instead. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Waits by the machine's own timer. */
export const systemSleep: Sleep = async (ms, signal) => {
  if (signal === undefined) return delay(ms);
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
};
