import { Kysely } from 'kysely';

import { kyselyOperations } from '../kysely-operations.ts';
import type { Schema } from '../schema.ts';
import type { StoreOperations } from '../store-operations.ts';
import { openDatabase } from './open-database.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { SqliteDialect } from './sqlite-dialect.ts';

/** A log in WAL mode keeps no reader waiting, but while it is recovered or removed; the thread that reads has more to do than to wait. */
const WAIT_MS = 50;

export interface ReadingOperations {
  /** All of the store's; those that change anything reject. */
  readonly operations: StoreOperations;
  close(): void;
}

/**
 * The operations on the file at `path`, which a writer has open, on the calling thread: for reads of one row by a key, which cost several
 * times as much when they are sent to another. They see everything that is committed.
 */
export function openForReading(path: string): ReadingOperations {
  const database = openDatabase(path, { readOnly: true, waitMs: WAIT_MS });
  const connection = new SqliteConnection(database);
  const builder = new Kysely<Schema>({ dialect: new SqliteDialect(connection) });
  return {
    operations: kyselyOperations(builder, connection, () => Promise.reject(new Error('this connection only reads'))),
    close: () => {
      if (database.isOpen) database.close();
    },
  };
}
