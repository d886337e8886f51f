import * as nodeFs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { toHex } from '#core/bytes.ts';
import type { RandomSource } from '#core/random.ts';

/** What replacing a file takes from the file system. A test passes one that dies between two calls. */
export type FileOperations = Pick<
  typeof nodeFs,
  'chmod' | 'lstat' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'stat' | 'unlink'
>;

export interface AtomicFileDeps {
  readonly random: RandomSource;
  readonly fs?: FileOperations | undefined;
}

/** Temporary files older than this were left by a process that died; a younger one may be another's that is at work now. */
const ABANDONED_AFTER_MS = 3_600_000;

/**
 * Replaces the file at `path` by `contents`, mode 0600. Whatever happens to this process or to the machine meanwhile, `path` holds the old
 * file whole or the new one whole, and the new one has reached the disk on return. Throws what the file system throws; the old file is
 * then untouched.
 */
export async function replaceFile(path: string, contents: string, deps: AtomicFileDeps): Promise<void> {
  const { random, fs = nodeFs } = deps;
  const temporary = join(dirname(path), `.${basename(path)}.${toHex(random(8))}.tmp`);
  try {
    await writeDurably(fs, temporary, contents);
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(fs, dirname(path));
  await removeAbandoned(fs, path);
}

/** Makes `directory`, parents included, or takes an existing one; in either case nobody but its owner can look into it on return. */
export async function makePrivateDirectory(
  directory: string,
  { fs = nodeFs }: Pick<AtomicFileDeps, 'fs'>,
): Promise<void> {
  await makeDirectory(directory, 0o700, { fs });
  const { mode } = await fs.stat(directory);
  if ((mode & 0o777) !== 0o700) await fs.chmod(directory, 0o700);
}

/**
 * Makes `directory` and the parents that are missing, each with `mode`; one that is there is left as it is. Throws what the file system throws.
 * (The runtime's own recursive form never returns where a file system answers ENOENT for a parent that exists, as procfs does.)
 */
export async function makeDirectory(
  directory: string,
  mode: number,
  { fs = nodeFs }: Pick<AtomicFileDeps, 'fs'>,
): Promise<void> {
  const make = (): Promise<unknown> =>
    fs.mkdir(directory, { mode }).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  try {
    await make();
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || dirname(directory) === directory) throw error;
    await makeDirectory(dirname(directory), mode, { fs });
    await make();
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

async function writeDurably(fs: FileOperations, path: string, contents: string): Promise<void> {
  // 'wx' follows no symbolic link and opens no file that is there already.
  await using file = await fs.open(path, 'wx', 0o600);
  await file.writeFile(contents, 'utf8');
  await file.sync();
}

/** A rename is on the disk when its directory is. */
async function syncDirectory(fs: FileOperations, directory: string): Promise<void> {
  await using handle = await fs.open(directory, 'r');
  await handle.sync();
}

async function removeAbandoned(fs: FileOperations, path: string): Promise<void> {
  const directory = dirname(path);
  const prefix = `.${basename(path)}.`;
  const present = (await fs.stat(path)).mtimeMs;
  for (const name of await fs.readdir(directory)) {
    if (!name.startsWith(prefix) || !name.endsWith('.tmp')) continue;
    const file = join(directory, name);
    // Another agent may remove it first.
    const age = await fs.lstat(file).then(
      (found) => present - found.mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_AFTER_MS) await fs.unlink(file).catch(() => undefined);
  }
}
