import { DatabaseSync } from 'node:sqlite';

import { ensurePrivateStoreFile } from './private-store-file.ts';
import { sqliteFault } from './sqlite-fault.ts';

/**
 * Holds `path`.lock until `close` is called or the process ends, however it ends: the lock is SQLite's own, on an empty file beside the
 * store, so that reading the store by other means stays possible. Throws when another process, or another store in this one, holds it.
 */
export function lockStore(path: string): { readonly close: () => void } {
  const file = `${path}.lock`;
  ensurePrivateStoreFile(file);
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written to it, so a journal on the disk would be one more file and no more.
    lock.exec('pragma journal_mode = memory; begin exclusive');
  } catch (cause) {
    lock.close();
    if (sqliteFault(cause) === 'transient') throw new Error(`${path} is in use by another process`, { cause });
    throw cause;
  }
  return { close: () => lock.close() };
}
