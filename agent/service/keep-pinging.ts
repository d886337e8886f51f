import type { Sleep } from '../sleep.ts';
import type { Liveness } from './liveness.ts';
import type { Notifier } from './notifier.ts';

export interface KeepPingingDeps {
  readonly notifier: Notifier;
  readonly sleep: Sleep;
  readonly liveness: Liveness;
  /** How long systemd waits for a sign of life; undefined where it does not. */
  readonly watchdogMs: number | undefined;
  /** True from the first valid certificate on. */
  readonly isReady: () => boolean;
  readonly journal: (line: string) => void;
}

const START_INTERVAL_MS = 30_000;

/**
 * Tells systemd that the service lives, for as long as all of its tasks do, twice in the time that the watchdog allows. Before there is a first
 * certificate, which may take days where an administrator must approve, it asks for more time to start instead.
 */
export async function keepPinging(deps: KeepPingingDeps, signal: AbortSignal): Promise<void> {
  const { notifier, liveness, watchdogMs, journal } = deps;
  const intervalMs = watchdogMs === undefined ? START_INTERVAL_MS : Math.min(watchdogMs / 2, START_INTERVAL_MS);
  const extend = `EXTEND_TIMEOUT_USEC=${Math.round(Math.max(4 * intervalMs, 60_000) * 1_000)}`;
  let isStuckSaid = false;
  while (!signal.aborted) {
    const stuck = liveness.stuckTask();
    if (stuck === undefined) {
      if (!deps.isReady()) await notifier.notify(extend);
      else if (watchdogMs !== undefined) await notifier.notify('WATCHDOG=1');
    } else if (!isStuckSaid) {
      isStuckSaid = true;
      journal(`The agent’s task "${stuck}" gets nowhere, so systemd is no longer told that the agent is well.`);
    }
    await deps.sleep(intervalMs, signal);
  }
}
