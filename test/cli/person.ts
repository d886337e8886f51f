import type { CliEnvironment } from '#cli/config.ts';
import { runMuster } from '#cli/run.ts';
import type { SecurityKeyDevice } from '#cli/security-key.ts';
import type { Terminal } from '#cli/terminal.ts';

/** What a person saw of one command. */
export interface Seen {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface PersonOptions {
  readonly workingDirectory?: string;
  readonly environment?: Partial<CliEnvironment>;
  readonly terminal?: boolean;
  readonly stop?: AbortSignal;
  /** Sees everything that was written so far, each time that something is. */
  readonly onOut?: (out: string) => void;
  /** What the person types when they are asked; without it nobody is there. */
  readonly types?: string;
  /** What the person touches. */
  readonly securityKey?: SecurityKeyDevice;
}

/** A person who runs `muster` with these words and reads what it says. */
export async function runAsPerson(args: readonly string[], options: PersonOptions = {}): Promise<Seen> {
  let out = '';
  let err = '';
  const isTerminal = options.terminal === true;
  const terminal: Terminal = {
    out: (text) => {
      out += text;
      options.onOut?.(out);
    },
    err: (text) => {
      err += text;
    },
    ask:
      options.types === undefined
        ? undefined
        : async (question) => {
            err += question;
            return options.types ?? '';
          },
    securityKey: options.securityKey,
    outIsTerminal: isTerminal,
    errIsTerminal: isTerminal,
    colour: true,
    workingDirectory: options.workingDirectory ?? '/nowhere',
    stopSignal: () => options.stop ?? new AbortController().signal,
    now: () => new Date('2026-11-21T10:00:00Z'),
  };
  const environment: CliEnvironment = { contextFile: undefined, configHome: undefined, ...options.environment };
  const exitCode = await runMuster(args, terminal, () => environment, '0.0.0');
  return { exitCode, out, err };
}
