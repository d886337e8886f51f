/** How a command ended, for the program that started it (sysexits(3), where it has a word for it). */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** Done, and the answer is no: the log does not verify, the policy is not valid, there is no such node. */
  negative: 1,
  /** The command line is wrong. */
  usage: 64,
  /** A file with what to do has lines that cannot be used; nothing was done. */
  dataRefused: 65,
  /** The service, or something it needs, does not answer. */
  unavailable: 69,
  /** A bug, or an answer that cannot be understood. */
  internal: 70,
  /** A file cannot be written, or exists already. */
  cannotCreate: 73,
  /** Not now: the same command may succeed later. */
  tryLater: 75,
  /** Not allowed. */
  refused: 77,
  /** A configuration file is missing or wrong. */
  configuration: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command that ends without what it was asked for: what happened, and what the person can do next. Not a bug: it has no stack to show. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  /** Sentences, each something to do next. */
  readonly next: readonly string[];

  constructor(exitCode: ExitCode, message: string, ...next: readonly string[]) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.next = next;
  }
}
