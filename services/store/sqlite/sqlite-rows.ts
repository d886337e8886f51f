import { Kysely } from 'kysely';

import { SQLITE_TRAITS } from '../dialect-traits.ts';
import { migrate } from '../migrations/migrate.ts';
import type { Schema } from '../schema.ts';
import { assertEmpty, readTables, writeRows } from '../transfer/row-queries.ts';
import type { RowSink, RowSource } from '../transfer/rows.ts';
import { openDatabase } from './open-database.ts';
import { ensurePrivateStoreFile } from './private-store-file.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { SqliteDialect } from './sqlite-dialect.ts';
import { lockStore } from './store-lock.ts';
import { assertStoreSound } from './store-soundness.ts';

/** Everything in the file at `path`, also while a service writes it: one read transaction sees one moment. */
export function sqliteRows(path: string): RowSource {
  const database = openDatabase(path, { readOnly: true });
  const connection = new SqliteConnection(database);
  const builder = new Kysely<Schema>({ dialect: new SqliteDialect(connection) });
  return {
    async *batches() {
      database.exec('begin');
      try {
        yield* readTables(builder, connection);
      } finally {
        database.exec('rollback');
      }
    },
    [Symbol.asyncDispose]: async () => {
      database.close();
    },
  };
}

/** A new store in a file at `path`. Rejects, with nothing left open, where there is one with anything in it. */
export async function openSqliteSink(path: string): Promise<RowSink> {
  ensurePrivateStoreFile(path);
  await using opening = new AsyncDisposableStack();
  const lock = lockStore(path);
  opening.defer(() => lock.close());
  const database = openDatabase(path, { readOnly: false });
  opening.defer(() => database.close());
  const connection = new SqliteConnection(database);
  const builder = new Kysely<Schema>({ dialect: new SqliteDialect(connection) });
  await migrate(builder, SQLITE_TRAITS);
  await assertEmpty(builder, connection);
  database.exec('begin immediate');
  const open = opening.move();
  return {
    write: (batch) => writeRows(builder, connection, batch),
    commit: async () => {
      database.exec('commit');
      assertStoreSound(database);
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
