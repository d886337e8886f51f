import type { Clock } from '#core/clock.ts';
import type { Log } from '#services/http/request-log.ts';
import { NodeContacts } from '#services/inventory/node-contacts.ts';
import type { Leadership } from '#services/leader/keep-leadership.ts';
import type { Store } from '#services/store/store.ts';

import { silenceOf } from '#services/config/connectivity-config.ts';
import type { ServerConfig } from '#services/config/config.ts';
import { elapsedMs, pauseUntil, turn } from './monotonic.ts';

/** How often nodes that fell silent are looked for, and boots and changes of connectivity recorded. */
const TICK_MS = 1_000;
/** Ticks from one record of all last contacts to the next: what a killed process forgets. */
const RECORD_ALL_EVERY = 10;

/** The contacts of all nodes, kept: disposing of it records what is not on record yet. */
export interface KeptContacts extends AsyncDisposable {
  readonly contacts: NodeContacts;
}

/**
 * Reads what the store knows, then reads on what other processes record, sweeps while this one leads, and records until it is disposed of. What cannot
 * be recorded is tried again a second later.
 */
export async function keepContacts(parts: {
  readonly config: Pick<ServerConfig, 'connectivity'>;
  readonly store: Store;
  readonly now: Clock;
  readonly log: Log;
  readonly leadership: Pick<Leadership, 'term'>;
}): Promise<KeptContacts> {
  const { config, store, now, log, leadership } = parts;
  const silence = silenceOf(config.connectivity);
  const contacts = await NodeContacts.open({ now, elapsedMs, turn, silence, store });
  const stop = new AbortController();
  const record = (everything: boolean): Promise<void> =>
    contacts.record(everything).catch((error: unknown) => {
      // A store in doubt ends the service, and says so itself.
      if (!store.failure.aborted) log.error({ err: error }, 'contacts of nodes not recorded');
    });
  let isCutOff = false;
  const refresh = async (): Promise<boolean> => {
    try {
      await contacts.refresh();
      isCutOff = false;
    } catch (error) {
      if (!isCutOff && !store.failure.aborted)
        log.error({ err: error }, 'what other replicas heard of nodes is not known');
      isCutOff = true;
    }
    return !isCutOff;
  };
  const run = async (): Promise<void> => {
    for (let tick = 1; !stop.signal.aborted; tick += 1) {
      await pauseUntil(TICK_MS, stop.signal);
      if (stop.signal.aborted) return;
      const isCurrent = await refresh();
      const found = isCurrent && leadership.term() !== undefined ? await contacts.sweep() : 0;
      if (found > 0) log.warn({ nodes: found }, 'nodes fell silent');
      await record(tick % RECORD_ALL_EVERY === 0);
    }
  };
  const running = run();
  return {
    contacts,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      if (!store.failure.aborted) await record(true);
    },
  };
}
