import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';

import { POSTGRES_TRAITS } from '../dialect-traits.ts';
import { migrate } from '../migrations/migrate.ts';
import type { Schema } from '../schema.ts';
import { assertEmpty, readTables, writeRows } from '../transfer/row-queries.ts';
import type { RowSink, RowSource } from '../transfer/rows.ts';
import { postgresCompiler } from './compiler.ts';
import { clientConfig, type PostgresPlace } from './connection-options.ts';
import { postgresExecutor } from './postgres-executor.ts';

/** Everything in the database, also while services write it: one transaction sees one moment. */
export async function postgresRows(place: PostgresPlace): Promise<RowSource> {
  const client = await connect(place);
  return {
    async *batches() {
      await client.query('begin isolation level repeatable read, read only');
      try {
        yield* readTables(
          postgresCompiler(),
          postgresExecutor(() => client),
        );
      } finally {
        await client.query('rollback');
      }
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** A new store in the database. Rejects, with nothing left open, where there is one with anything in it. */
export async function openPostgresSink(place: PostgresPlace): Promise<RowSink> {
  await migrateOnce(place);
  await using opening = new AsyncDisposableStack();
  const client = await connect(place);
  opening.defer(() => client.end());
  const builder = postgresCompiler();
  const executor = postgresExecutor(() => client);
  await client.query('begin isolation level serializable');
  await assertEmpty(builder, executor);
  const open = opening.move();
  return {
    write: (batch) => writeRows(builder, executor, batch),
    commit: async () => {
      await client.query('commit');
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function connect(place: PostgresPlace): Promise<Client> {
  // A transfer takes as long as it takes.
  const client = new Client({ ...clientConfig(place), idle_in_transaction_session_timeout: 0 });
  await client.connect();
  return client;
}

async function migrateOnce(place: PostgresPlace): Promise<void> {
  const migrating = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: new Pool(clientConfig(place)) }) });
  try {
    await migrate(migrating, POSTGRES_TRAITS);
  } finally {
    await migrating.destroy();
  }
}
