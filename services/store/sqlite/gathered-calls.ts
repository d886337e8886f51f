import { performance } from 'node:perf_hooks';

/**
 * How long the first call waits for others, in milliseconds. Together they take one message and one commit: eight joins at a time cost the
 * store a third of what they cost one by one, and each of its three steps comes this much later.
 */
const GATHER_MS = 5;
/** After a pause this long, in milliseconds, nobody is expected to follow, and a call goes at once. */
const QUIET_MS = 100;

/** What tells the time, and what calls back after so many milliseconds. */
export interface GatheringTimer {
  readonly now: () => number;
  readonly after: (ms: number, callback: () => void) => void;
}

const SYSTEM_TIMER: GatheringTimer = {
  now: () => performance.now(),
  after: (ms, callback) => {
    if (ms === 0) setImmediate(callback);
    else setTimeout(callback, ms);
  },
};

/** A function that calls back when it is time to send what was gathered: in a moment while calls come often, else in this turn's end. */
export function gatheredCalls({ now, after }: GatheringTimer = SYSTEM_TIMER): (send: () => void) => void {
  let last = -Infinity;
  return (send) => {
    const asked = now();
    after(asked - last > QUIET_MS ? 0 : GATHER_MS, send);
    last = asked;
  };
}
