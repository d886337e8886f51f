import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** What group and others may do: nothing. */
const OTHERS = 0o077;

/**
 * `path` is a file only its owner may read (0600), in a directory only its owner may enter (0700), on return; both made, and made
 * durable, where they were missing. Throws when one is there and open to others: who knows what they put in.
 */
export function ensurePrivateStoreFile(path: string): void {
  const directory = dirname(path);
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if ((statSync(directory).mode & OTHERS) !== 0) throw new Error(`${directory} is open to others; make it 0700`);
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const { mode, size } = fstatSync(file);
    if ((mode & OTHERS) !== 0) throw new Error(`${path} is open to others; make it 0600`);
    if (size > 0) return;
    fchmodSync(file, 0o600);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncDirectory(directory);
  if (made !== undefined) syncDirectory(dirname(made));
}

function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
