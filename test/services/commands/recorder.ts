import type { CommandTerminal } from '#services/commands/command-terminal.ts';

/** A terminal that keeps what is said to it. */
export interface Recorder extends CommandTerminal {
  readonly said: { out: string; err: string };
}

/** A person at the server in `workingDirectory`, at a moment that does not move. */
export function recorder(workingDirectory: string, now = new Date('2026-11-21T10:00:00Z')): Recorder {
  const said = { out: '', err: '' };
  return {
    said,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    workingDirectory,
    now: () => now,
    stopSignal: () => new AbortController().signal,
  };
}
