import type { Clock } from '#core/clock.ts';

import type { SecurityKeyDevice } from './security-key.ts';

/** Where a command reads the world and speaks to the person: passed in, so that a test can be that person. */
export interface Terminal {
  /** The answer: what a program would read. */
  readonly out: (text: string) => void;
  /** Everything said beside it: progress, warnings, errors. */
  readonly err: (text: string) => void;
  /** Puts a question to the person and resolves to the line that they type; undefined where nobody is there to be asked. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** The person's security key; undefined where nobody is there to touch it. */
  readonly securityKey?: SecurityKeyDevice | undefined;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** False when the person does not want colours, whatever the streams are. */
  readonly colour: boolean;
  readonly workingDirectory: string;
  /**
   * From the first call on, SIGINT and SIGTERM abort the signal instead of ending the process at once: for commands that stay until they
   * are stopped.
   */
  readonly stopSignal: () => AbortSignal;
  readonly now: Clock;
}
