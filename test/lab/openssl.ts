import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** False where there is no openssl to compare with; said loudly, once per test file. */
export function hasOpenssl(): boolean {
  const isThere = spawnSync('openssl', ['version']).status === 0;
  if (!isThere) console.warn('skipped: no openssl on this machine, so nothing is compared with it');
  return isThere;
}

/**
 * What `openssl` answers to `args`. An argument `{ pem }` or `{ der }` is written to a file, and its path put in its place.
 * `output` is standard output and standard error together.
 */
export function openssl(...args: readonly (string | { readonly pem: string } | { readonly der: Uint8Array })[]): {
  readonly ok: boolean;
  readonly output: string;
} {
  const directory = mkdtempSync(join(tmpdir(), 'muster-openssl-'));
  try {
    const paths = args.map((arg, index) => {
      if (typeof arg === 'string') return arg;
      const path = join(directory, `argument-${index}`);
      writeFileSync(path, 'pem' in arg ? arg.pem : arg.der, { mode: 0o600 });
      return path;
    });
    const { status, stdout, stderr } = spawnSync('openssl', paths, { encoding: 'utf8', timeout: 20_000 });
    return { ok: status === 0, output: stdout + stderr };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `-attime` for a date. */
export const attime = (date: Date): readonly string[] => ['-attime', String(Math.floor(date.getTime() / 1_000))];
