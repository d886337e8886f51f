import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Bytes } from '#core/bytes.ts';

/** A text argument, or content that is written to a file whose path is put in its place. */
export type ToolArgument = string | { readonly file: string | Bytes };

export interface ToolAnswer {
  readonly ok: boolean;
  /** Standard output and standard error together. */
  readonly output: string;
  /** What the tool wrote to the file that `OUTPUT_FILE` stood for; empty when it wrote none. */
  readonly written: Bytes;
}

/** Stands for the path of a file that the tool is to write. */
export const OUTPUT_FILE = '{output file}';

/** False where `tool` is not on this machine; said loudly, once per test file. */
export function hasTool(tool: 'openssl' | 'certtool' | 'ocsptool'): boolean {
  const isThere = spawnSync(tool, [tool === 'openssl' ? 'version' : '--version']).status === 0;
  if (!isThere) console.warn(`skipped: no ${tool} on this machine, so nothing is compared with it`);
  return isThere;
}

/** What `tool` answers to `args`. Nothing that it was given or wrote is left behind. */
export function runTool(tool: string, ...args: readonly ToolArgument[]): ToolAnswer {
  const directory = mkdtempSync(join(tmpdir(), 'muster-tool-'));
  const outputFile = join(directory, 'output');
  try {
    writeFileSync(outputFile, '');
    const words = args.map((arg, index) => {
      if (typeof arg === 'string') return arg === OUTPUT_FILE ? outputFile : arg;
      const path = join(directory, `argument-${index}`);
      writeFileSync(path, arg.file, { mode: 0o600 });
      return path;
    });
    const { status, stdout, stderr } = spawnSync(tool, words, { encoding: 'utf8', timeout: 20_000 });
    return { ok: status === 0, output: stdout + stderr, written: readFileSync(outputFile) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** OpenSSL's `-attime` for a date. */
export const attime = (date: Date): readonly string[] => ['-attime', String(Math.floor(date.getTime() / 1_000))];
