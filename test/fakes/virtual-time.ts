import { setImmediate } from 'node:timers/promises';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Both clocks of a machine, and its timers, which move when told to. */
export interface VirtualTime {
  readonly now: () => Date;
  readonly elapsedMs: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Time passes: every timer goes off in its turn, and what it starts is done (as far as it waits for nothing outside) before the next. */
  pass(ms: number): Promise<void>;
  /** The machine sleeps: its clock goes on, its timers do not. */
  suspend(ms: number): void;
  /** Somebody sets the clock. */
  setClock(ms: number): void;
}

/** Rounds of the event loop after which work in memory has come to rest. */
const SETTLE_TURNS = 4;

export function virtualTime(start: Date): VirtualTime {
  let elapsed = 0;
  let wallOffset = start.getTime();
  const sleepers = new Set<Sleeper>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < SETTLE_TURNS; turn++) await setImmediate();
  };
  return {
    now: () => new Date(wallOffset + elapsed),
    elapsedMs: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const sleeper: Sleeper = {
          at: elapsed + ms,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
      }),
    async pass(ms) {
      const end = elapsed + ms;
      for (;;) {
        await settle();
        const [next] = [...sleepers].toSorted((a, b) => a.at - b.at);
        if (next === undefined || next.at > end) break;
        elapsed = Math.max(elapsed, next.at);
        next.wake();
      }
      elapsed = end;
    },
    suspend: (ms) => void (wallOffset += ms),
    setClock: (ms) => void (wallOffset += ms),
  };
}
