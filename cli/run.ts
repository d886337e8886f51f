import { CommanderError } from 'commander';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

import { makeStyle } from './render/style.ts';
import { safeText } from './render/safe-text.ts';
import { openMuster } from './muster.ts';
import { buildProgram, NO_INPUT } from './program.ts';
import type { CliEnvironment } from './config.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line (without the program's name). Resolves to the exit code; says on the error stream what went wrong. */
export async function runMuster(
  args: readonly string[],
  person: Terminal,
  readEnvironment: () => CliEnvironment,
  version: string,
): Promise<number> {
  const terminal = args.includes(NO_INPUT) ? { ...person, ask: undefined, securityKey: undefined } : person;
  // Not an option of the program: commander would take it from the commands that have one of their own.
  if (args.length === 1 && ['--version', '-V'].includes(args[0] ?? '')) {
    terminal.out(`${version}\n`);
    return EXIT.ok;
  }
  let exitCode: number = EXIT.ok;
  try {
    const program = buildProgram(openMuster(terminal, readEnvironment()), (code) => {
      exitCode = code;
    });
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, terminal);
  }
}

function reportFailure(error: unknown, terminal: Terminal): number {
  // Commander has written its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const style = makeStyle(terminal.colour && terminal.errIsTerminal);
  if (error instanceof CommandFailure) {
    const [first = '', ...rest] = error.message.split('\n');
    terminal.err(`${style.bad('muster:')} ${[first, ...rest].map(safeText).join('\n')}\n`);
    for (const sentence of error.next) terminal.err(`  ${safeText(sentence)}\n`);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.err(`${style.bad('muster: this is a bug.')} Please report it with the lines below.\n${text}\n`);
  return EXIT.internal;
}
