import { certificateOrphaned } from '#services/audit/events.ts';
import type { Leadership } from '#services/leader/keep-leadership.ts';
import { UNFINISHED_AFTER_MS } from '#services/store/store-operations.ts';

import type { ServiceParts } from './service-parts.ts';

const TIDY_EVERY_MS = 60_000;
/** A ticket's row outlives the ticket by this much, so that replicas whose clocks differ still find it spent. */
const FORGET_AFTER_MS = 600_000;

/**
 * Starts what the leader does in the store once a minute: what a process that died left unfinished is marked orphaned, and expired tickets are
 * forgotten. Both come to the same whoever does them, and how often.
 */
export function tidyStoreRegularly(
  { store, log, now }: Pick<ServiceParts, 'store' | 'log' | 'now'>,
  leadership: Pick<Leadership, 'regularly'>,
): AsyncDisposable {
  const orphanUnfinished = async (): Promise<void> => {
    const begunBefore = new Date(now().getTime() - UNFINISHED_AFTER_MS);
    const orphaned = await store.orphanUnfinished((intent) => certificateOrphaned(now(), intent), begunBefore);
    if (orphaned.length > 0) log.warn({ serials: orphaned.map(({ serial }) => serial) }, 'certificates orphaned');
  };
  const forgetTickets = async (): Promise<void> => {
    await store.forgetTickets(new Date(now().getTime() - FORGET_AFTER_MS));
  };
  const duties = Object.entries({ orphanUnfinished, forgetTickets }).map(([name, run]) =>
    leadership.regularly({ name, everyMs: TIDY_EVERY_MS, run }),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(duties.map((duty) => duty[Symbol.asyncDispose]()));
    },
  };
}
