import type { Clock } from '#core/clock.ts';

import type { Sleep } from '../sleep.ts';

/** Waits until `ms` have passed or `signal` is aborted; which of the two is for the caller to see. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

export interface PauseDeps {
  readonly now: Clock;
  readonly elapsedMs: () => number;
  readonly sleep: Sleep;
  /** Told at every wake: the task that waits is alive. */
  readonly alive: () => void;
}

/** The longest that a timer is relied on: timers stand still while a machine sleeps, and its clock does not. */
const WAKE_EVERY_MS = 10_000;

/**
 * A wait that wakes every ten seconds and looks at both clocks: it is over when either says so. So a machine that was suspended for hours learns
 * within ten seconds of waking what it has missed, and a clock that is set back does not prolong a wait.
 */
export function wakefulPause(deps: PauseDeps): Pause {
  return async (ms, signal) => {
    const endElapsed = deps.elapsedMs() + ms;
    const endWall = deps.now().getTime() + ms;
    for (;;) {
      deps.alive();
      if (signal.aborted) return;
      const leftMs = Math.min(endElapsed - deps.elapsedMs(), endWall - deps.now().getTime());
      if (leftMs <= 0) return;
      await deps.sleep(Math.min(leftMs, WAKE_EVERY_MS), signal);
    }
  };
}
