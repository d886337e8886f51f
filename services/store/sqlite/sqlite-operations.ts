import { Kysely } from 'kysely';

import { SQLITE_TRAITS } from '../dialect-traits.ts';
import { kyselyOperations } from '../kysely-operations.ts';
import { migrate } from '../migrations/migrate.ts';
import type { Schema } from '../schema.ts';
import type { StoreOperations } from '../store-operations.ts';
import { GroupCommit, type Schedule } from '../group-commit.ts';
import { openDatabase } from './open-database.ts';
import { ensurePrivateStoreFile } from './private-store-file.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { SqliteDialect } from './sqlite-dialect.ts';
import { lockStore } from './store-lock.ts';
import { assertStoreSound } from './store-soundness.ts';
import { sqliteTransactions } from './transaction-control.ts';

export interface OpenOperations {
  readonly operations: StoreOperations;
  /** Both connections are closed and the log is folded into the file on return. */
  readonly close: () => void;
}

/**
 * The store in the file at `path`, made when there is none: private to its owner, this process's alone, the newest schema, found sound.
 * Blocks its thread on every fsync, so it belongs in one of its own. Throws, with nothing left open, when the file is not to be relied on.
 */
export async function openSqliteOperations(path: string, schedule: Schedule): Promise<OpenOperations> {
  ensurePrivateStoreFile(path);
  await using opening = new AsyncDisposableStack();
  const lock = lockStore(path);
  opening.defer(() => lock.close());
  const writer = openDatabase(path, { readOnly: false });
  opening.defer(() => writer.close());
  const connection = new SqliteConnection(writer);
  const builder = new Kysely<Schema>({ dialect: new SqliteDialect(connection) });
  await migrate(builder, SQLITE_TRAITS);
  assertStoreSound(writer);
  const reader = openDatabase(path, { readOnly: true });
  opening.defer(() => reader.close());
  const group = new GroupCommit(sqliteTransactions(writer), connection, schedule);
  const operations = kyselyOperations(builder, new SqliteConnection(reader), (work) => group.transact(work));
  opening.move();
  return {
    operations,
    close: () => {
      // The last connection to close is the one that may write: it is the one that folds the log into the file.
      reader.close();
      writer.close();
      lock.close();
    },
  };
}
