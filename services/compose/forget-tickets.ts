import { setInterval } from 'node:timers';

import type { ServiceParts } from './service-parts.ts';

const FORGET_EVERY_MS = 60_000;
/** A ticket's row outlives the ticket by this much, so that replicas whose clocks differ still find it spent. */
const FORGET_AFTER_MS = 600_000;

/** Starts forgetting expired tickets; returns what ends it. */
export function forgetTicketsRegularly({ store, log, now }: Pick<ServiceParts, 'store' | 'log' | 'now'>): () => void {
  const timer = setInterval(() => {
    store.forgetTickets(new Date(now().getTime() - FORGET_AFTER_MS)).catch((error: unknown) => {
      log.error({ err: error }, 'expired tickets not forgotten');
    });
  }, FORGET_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
