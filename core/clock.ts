/** The time, as a capability: functions that need it take it, so a test can hold it still. */
export type Clock = () => Date;

/** The machine's own clock. The only place, besides the programs' `main.ts`, that reads it. */
export const systemClock: Clock = () => new Date();
