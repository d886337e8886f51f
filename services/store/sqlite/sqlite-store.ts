import { DependencyError } from '#core/dependency-error.ts';

import { ownStoreElection } from '../leader-lock.ts';
import { orphanUnfinished, type StoreOperations } from '../store-operations.ts';
import type { Store } from '../store.ts';
import { forwardOperations } from './forward-operations.ts';
import { openForReading } from './open-for-reading.ts';
import { WorkerLink } from './worker-link.ts';

export interface SqliteStoreOptions {
  /** The database file. Its directory must be the owner's alone (0700); both are made where they are missing. */
  readonly path: string;
}

/**
 * The store in a SQLite file: a thread of its own writes it and reads lists from it; single rows are read here. It is there and found sound when the promise resolves; rejects with a
 * DependencyError otherwise, also while another process has it: a second one would take the first one's unfinished signatures for
 * orphans.
 */
export async function openSqliteStore({ path }: SqliteStoreOptions): Promise<Store & StoreOperations> {
  const link = await WorkerLink.open(path);
  try {
    return sqliteStore(path, link);
  } catch (cause) {
    await link.close();
    throw new DependencyError('store', `the store at ${path} cannot be read`, { cause });
  }
}

function sqliteStore(path: string, link: WorkerLink): Store & StoreOperations {
  const reading = openForReading(path);
  const operations = forwardOperations(reading.operations, link);
  return {
    ...operations,
    ...ownStoreElection(),
    failure: link.failure,
    orphanUnfinished: (toEvent, begunBefore) => orphanUnfinished(operations, toEvent, begunBefore),
    [Symbol.asyncDispose]: async () => {
      // Before the writer: the last connection to close folds the log into the file, and this one cannot write.
      reading.close();
      await link.close();
    },
  };
}
