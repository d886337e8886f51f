import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

import type { SqliteConnection } from './sqlite-connection.ts';

/** Kysely over one SQLite connection that the caller opened and closes. Nothing queues: whoever uses it is its only user. */
export class SqliteDialect implements Dialect {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  createAdapter(): DialectAdapter {
    return {
      supportsCreateIfNotExists: true,
      supportsReturning: true,
      // SQLite's DDL is transactional, so a migration that is killed half-way leaves nothing behind.
      supportsTransactionalDdl: true,
      acquireMigrationLock: () => Promise.resolve(),
      releaseMigrationLock: () => Promise.resolve(),
    };
  }

  createDriver(): Driver {
    const connection = this.#connection;
    return {
      init: () => Promise.resolve(),
      acquireConnection: () => Promise.resolve(connection),
      beginTransaction: (held) => run(held, 'begin immediate'),
      commitTransaction: (held) => run(held, 'commit'),
      rollbackTransaction: (held) => run(held, 'rollback'),
      releaseConnection: () => Promise.resolve(),
      destroy: () => Promise.resolve(),
    };
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

async function run(connection: DatabaseConnection, sql: string): Promise<void> {
  await connection.executeQuery(CompiledQuery.raw(sql));
}
