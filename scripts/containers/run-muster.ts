import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const PROGRAM = join(import.meta.dirname, '../../cli/main.ts');

/** Runs `muster` with these arguments, as an operator would, and lets it speak. Resolves to its exit code; throws unless that is one of `expected`. */
export function muster(args: readonly string[], expected: readonly number[] = [0]): number {
  console.log(`$ muster ${args.join(' ')}`);
  const { status, error } = spawnSync(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw error;
  if (status === null || !expected.includes(status)) throw new Error(`muster ${args[0] ?? ''} ended with ${status}`);
  return status;
}
