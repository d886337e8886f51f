import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';

import type { Clock } from '#core/clock.ts';
import { DependencyError } from '#core/dependency-error.ts';

import { POSTGRES_TRAITS } from '../dialect-traits.ts';
import { kyselyOperations } from '../kysely-operations.ts';
import { migrate } from '../migrations/migrate.ts';
import type { Executor } from '../prepared-query.ts';
import type { Schema } from '../schema.ts';
import { orphanUnfinished, type StoreOperations, UNFINISHED_AFTER_MS } from '../store-operations.ts';
import type { Store } from '../store.ts';
import { postgresCompiler } from './compiler.ts';
import { clientConfig, type PostgresPlace } from './connection-options.ts';
import { LeaderSession } from './leader-session.ts';
import { postgresExecutor } from './postgres-executor.ts';
import { postgresFault } from './postgres-fault.ts';
import { PostgresWriter } from './postgres-writer.ts';

export interface PostgresStoreOptions {
  readonly place: PostgresPlace;
  readonly now: Clock;
  /** Connections that read; there is one more, which writes. */
  readonly readers?: number;
}

const READERS = 4;

/**
 * The store in a PostgreSQL database, which any number of processes share. It has the newest schema when the promise resolves. Rejects with a
 * DependencyError when the database cannot be reached, only reads, or has a schema of a later release. Nothing puts this store in doubt for
 * good: a connection that is lost is made anew by the next call.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store & StoreOperations> {
  const { place, now, readers = READERS } = options;
  const pool = new Pool({ ...clientConfig(place), max: readers, idleTimeoutMillis: 30_000 });
  // Connections that the server closes while they idle are replaced when they are needed.
  pool.on('error', () => undefined);
  const writer = new PostgresWriter(place);
  try {
    await migrateUnderLock(pool);
    await writer.transact(async () => undefined);
  } catch (cause) {
    await writer[Symbol.asyncDispose]();
    await pool.end();
    const database = `the database ${place.database} at ${place.host}:${place.port}`;
    throw new DependencyError('store', `${database} cannot be used: ${reasonOf(cause)}`, { cause });
  }
  return postgresStore({ pool, writer, leader: new LeaderSession(place), now });
}

interface Connections {
  readonly pool: Pool;
  readonly writer: PostgresWriter;
  readonly leader: LeaderSession;
  readonly now: Clock;
}

function postgresStore({ pool, writer, leader, now }: Connections): Store & StoreOperations {
  const builder = postgresCompiler();
  let closed = false;
  const operations = kyselyOperations(
    builder,
    reading(pool, () => closed),
    writer.transact,
  );
  return {
    ...operations,
    isShared: true,
    takeLeaderLock: () => leader.take(),
    failure: new AbortController().signal,
    orphanUnfinished: (toEvent, begunBefore) => {
      const latestMs = now().getTime() - UNFINISHED_AFTER_MS;
      return orphanUnfinished(operations, toEvent, new Date(Math.min(begunBefore?.getTime() ?? latestMs, latestMs)));
    },
    [Symbol.asyncDispose]: async () => {
      if (closed) return;
      closed = true;
      await leader[Symbol.asyncDispose]();
      await writer[Symbol.asyncDispose]();
      await pool.end();
    },
  };
}

/** Reads of what is committed, by any replica. One that meets a connection that was lost is asked once more, of another. */
function reading(pool: Pool, isClosed: () => boolean): Executor {
  const executor = postgresExecutor(() => pool);
  return {
    executeQuery: async (query) => {
      if (isClosed()) throw new DependencyError('store', 'the store is closed');
      try {
        return await executor.executeQuery(query);
      } catch (error) {
        if (postgresFault(error) !== 'connection') throw error;
        return await executor.executeQuery(query).catch((cause: unknown) => {
          throw new DependencyError('store', 'the database does not answer', { cause });
        });
      }
    },
  };
}

/** The migrator takes an advisory lock: of replicas that start together, one migrates and the others find it done. */
async function migrateUnderLock(pool: Pool): Promise<void> {
  const migrating = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: unclosable(pool) }) });
  await migrate(migrating, POSTGRES_TRAITS);
}

/** Kysely closes the pool that it is given; this one goes on to read. */
const unclosable = (pool: Pool) => ({
  connect: () => pool.connect(),
  end: () => Promise.resolve(),
  options: pool.options,
});

/** What the innermost error says: that of the server, or of the way to it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
