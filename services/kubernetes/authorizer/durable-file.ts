import { type FileHandle, open, rename, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { Bytes } from '#core/bytes.ts';

/** Puts `bytes` where `path` is, whole or not at all, and on disk when it resolves. */
export async function replaceFile(path: string, bytes: Bytes): Promise<void> {
  const draft = `${path}.new`;
  await using file = await open(draft, 'w', 0o600);
  await writeFlushed(file, bytes);
  await rename(draft, path);
  await using directory = await open(dirname(path), 'r');
  await directory.sync();
}

/** Adds `bytes` behind the first `length` bytes of the file, on disk when it resolves; what else was behind them is gone. */
export async function appendToFile(path: string, length: number, bytes: Bytes): Promise<void> {
  await truncate(path, length);
  await using file = await open(path, 'a', 0o600);
  await writeFlushed(file, bytes);
}

async function writeFlushed(file: FileHandle, bytes: Bytes): Promise<void> {
  await file.writeFile(bytes);
  await file.sync();
}
