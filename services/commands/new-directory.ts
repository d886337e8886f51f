import {
  mkdtempSync,
  openSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

/** A file to be, by its path in the new directory. */
export interface NewFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** True: for its owner alone (0600). False: for everyone to read (0644). */
  readonly secret: boolean;
}

/** Throws CommandFailure unless `directory` does not exist or is empty, and its parent exists. */
export function assertUnused(directory: string): void {
  const there = entriesOf(directory);
  if (there === undefined && entriesOf(dirname(directory)) !== undefined) return;
  if (there === undefined) throw new CommandFailure(EXIT.cannotCreate, `${dirname(directory)} is not a directory`);
  if (there.length === 0) return;
  throw new CommandFailure(
    EXIT.cannotCreate,
    `${directory} is not empty, and nothing in it was touched`,
    'Give another directory with --dir. A service that was set up already is started with `muster serve`.',
  );
}

/**
 * Makes `directory` (mode 0700, as every directory in it) with exactly these files, flushed to disk. Whole or not at all: it is written
 * beside, and renamed at the end. Throws CommandFailure when something was there after all.
 */
export function writeNewDirectory(
  directory: string,
  files: readonly NewFile[],
  emptyDirectories: readonly string[],
): void {
  const draft = mkdtempSync(join(dirname(directory), `.${basename(directory)}-`));
  try {
    for (const path of emptyDirectories) mkdirSync(join(draft, path), { recursive: true, mode: 0o700 });
    for (const file of files) writeFlushed(draft, file);
    if (entriesOf(directory)?.length === 0) rmdirSync(directory);
    renameSync(draft, directory);
    flush(dirname(directory));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new CommandFailure(EXIT.cannotCreate, `${directory} cannot be made (${code}); nothing was left behind`);
  }
}

function writeFlushed(root: string, { path, content, secret }: NewFile): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const file = openSync(target, 'wx', secret ? 0o600 : 0o644);
  try {
    const bytes = Buffer.from(content);
    let written = 0;
    while (written < bytes.byteLength) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function flush(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function entriesOf(directory: string): readonly string[] | undefined {
  try {
    return readdirSync(directory);
  } catch {
    return undefined;
  }
}
