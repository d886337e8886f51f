import type { Clock } from '#core/clock.ts';

/** What a server-side command needs of the person who runs it; the command line's own terminal is one. */
export interface CommandTerminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly workingDirectory: string;
  readonly now: Clock;
  /** From the first call on, SIGINT and SIGTERM abort the signal instead of ending the process. */
  readonly stopSignal: () => AbortSignal;
}
