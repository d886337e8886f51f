import { Client } from 'pg';

import { DependencyError } from '#core/dependency-error.ts';

import { GroupCommit, type TransactionControl } from '../group-commit.ts';
import type { Executor } from '../prepared-query.ts';
import type { Transact } from '../store-parts.ts';
import { clientConfig, type PostgresPlace } from './connection-options.ts';
import { postgresExecutor } from './postgres-executor.ts';
import { type PostgresFault, postgresFault } from './postgres-fault.ts';

/** Of this program's transactions in a database; any number that nobody else takes. */
const WRITERS_LOCK = 0x6d757374;

/**
 * One writer at a time over all replicas, as SQLite has it: each transaction takes an advisory lock first, so that what it reads stands
 * until it commits. A transaction carries everything that waited, so the lock costs one turn for many.
 */
const BEGIN = `begin isolation level read committed; select pg_advisory_xact_lock(${WRITERS_LOCK})`;

/** The one connection that changes anything, made when it is needed and made anew when it was lost. */
export class PostgresWriter implements AsyncDisposable {
  readonly transact: Transact;
  readonly #place: PostgresPlace;
  readonly #group: GroupCommit;
  /** What the database did to the statements of works, by the error that says so. */
  readonly #faults = new WeakMap<Error, PostgresFault>();
  #client: Client | undefined;
  #closed = false;

  constructor(place: PostgresPlace) {
    this.#place = place;
    this.#group = new GroupCommit(this.#control(), this.#executor(), (commit) => {
      setImmediate(() => void commit());
    });
    this.transact = (work) => {
      if (this.#closed) return Promise.reject(new DependencyError('store', 'the store is closed'));
      return this.#group.transact(work);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#leave();
  }

  #control(): TransactionControl {
    const say = (sql: string) => async () => {
      await this.#current().query(sql);
    };
    return {
      begin: async () => {
        await this.#connect();
        await say(BEGIN)();
      },
      commit: say('commit'),
      // Whatever went wrong, a new connection is the shortest way to a sound one.
      rollback: () => this.#leave(),
      savepoint: say('savepoint one'),
      undo: say('rollback to savepoint one'),
      release: say('release savepoint one'),
      // An error of the work's own is not the database's.
      endsTransaction: (error) => error instanceof Error && (this.#faults.get(error) ?? 'operation') !== 'operation',
    };
  }

  /** Tells what the driver raised from what a work throws of its own. */
  #executor(): Executor {
    const executor = postgresExecutor(() => this.#current());
    return {
      executeQuery: async (query) => {
        try {
          return await executor.executeQuery(query);
        } catch (cause) {
          const error = new Error('the database did not do a statement', { cause });
          this.#faults.set(error, postgresFault(cause));
          throw error;
        }
      },
    };
  }

  #current(): Client {
    if (this.#client === undefined) throw new DependencyError('store', 'no connection to the database');
    return this.#client;
  }

  async #connect(): Promise<void> {
    if (this.#client !== undefined) return;
    const client = new Client(clientConfig(this.#place));
    // Lost while nobody used it: the next transaction makes another.
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined;
    });
    await client.connect();
    this.#client = client;
    await assertWritable(client);
  }

  async #leave(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }
}

/** Throws on a standby, and where a commit may be told before it is on disk. */
async function assertWritable(client: Client): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; commits: string; fsync: string }>(
    "select pg_is_in_recovery() as standby, current_setting('synchronous_commit') as commits, current_setting('fsync') as fsync",
  );
  const [server] = rows;
  if (server === undefined || server.standby) throw new Error('the server is a standby: it only reads');
  if (server.fsync !== 'on') throw new Error('the server has fsync off: what it commits may be lost');
  if (server.commits === 'off') await client.query('set synchronous_commit = on');
}
