import { setTimeout as delay } from 'node:timers/promises';

/** Waiting, as a capability: resolves after `ms` milliseconds. A test's sleep moves its clock instead. */
export type Sleep = (ms: number) => Promise<void>;

/** Waits by the machine's own timer. */
export const systemSleep: Sleep = async (ms) => {
  await delay(ms);
};
