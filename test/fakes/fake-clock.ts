import type { Clock } from '#core/clock.ts';

/** A clock that moves when told to. */
export interface FakeClock {
  readonly now: Clock;
  readonly advance: (ms: number) => void;
}

export function fakeClock(start: Date): FakeClock {
  let present = start.getTime();
  return {
    now: () => new Date(present),
    advance: (ms) => {
      present += ms;
    },
  };
}
