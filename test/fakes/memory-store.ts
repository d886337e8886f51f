import { DatabaseSync } from 'node:sqlite';

import { Kysely } from 'kysely';

import { DependencyError } from '#core/dependency-error.ts';
import type { NodeId } from '#core/ids.ts';
import type { NodeState } from '#core/node-record.ts';
import { SQLITE_TRAITS } from '#services/store/dialect-traits.ts';
import { kyselyOperations } from '#services/store/kysely-operations.ts';
import { migrate } from '#services/store/migrations/migrate.ts';
import type { Executor } from '#services/store/prepared-query.ts';
import type { Schema } from '#services/store/schema.ts';
import { GroupCommit } from '#services/store/group-commit.ts';
import { ownStoreElection } from '#services/store/leader-lock.ts';
import { SqliteConnection } from '#services/store/sqlite/sqlite-connection.ts';
import { sqliteTransactions } from '#services/store/sqlite/transaction-control.ts';
import { SqliteDialect } from '#services/store/sqlite/sqlite-dialect.ts';
import { orphanUnfinished, type StoreOperations } from '#services/store/store-operations.ts';
import type { Store } from '#services/store/store.ts';

/** A store for tests: the real queries over a database without a file, on the calling thread, and gone with the process. */
export interface MemoryStore extends Store, StoreOperations {
  /** While true, every call rejects as one to a store that is out of reach. */
  unavailable: boolean;
  /** Sets a node's state by other means than the store's own. */
  setNodeState(id: NodeId, state: NodeState): void;
}

/** An empty store. `override` takes the place of operations, for a store that lies or fails. */
export function memoryStore(override: (real: StoreOperations) => Partial<StoreOperations> = () => ({})): MemoryStore {
  const database = new DatabaseSync(':memory:');
  database.exec('pragma foreign_keys = on');
  const connection = new SqliteConnection(database);
  const builder = new Kysely<Schema>({ dialect: new SqliteDialect(connection) });
  const migrated = migrate(builder, SQLITE_TRAITS);
  const group = new GroupCommit(sqliteTransactions(database), connection, (commit) => {
    setImmediate(() => void migrated.then(commit));
  });
  // Reads queue with the changes: there is one connection, and what is not committed must not be seen.
  const reader: Executor = { executeQuery: (query) => group.transact((tx) => tx.executeQuery(query)) };
  const real = kyselyOperations(builder, reader, (work) => group.transact(work));
  const assertAvailable = (): void => {
    if (state.unavailable) throw new DependencyError('store', 'the store is out of reach');
  };
  const operations = guarded({ ...real, ...override(real) }, assertAvailable);
  const state: MemoryStore = {
    ...operations,
    ...ownStoreElection(),
    unavailable: false,
    failure: new AbortController().signal,
    setNodeState: (id, to) => {
      const retiredAt = to === 'retired' ? '2026-11-21T13:00:00.000Z' : null;
      const { changes } = database
        .prepare('update nodes set state = ?, retired_at = ? where id = ?')
        .run(to, retiredAt, id);
      if (changes !== 1) throw new Error(`no node ${id}`);
    },
    orphanUnfinished: (toEvent, begunBefore) => orphanUnfinished(operations, toEvent, begunBefore),
    [Symbol.asyncDispose]: async () => {
      state.unavailable = true;
      await migrated;
    },
  };
  return state;
}

/** `operations`, each after `guard`. */
function guarded(operations: StoreOperations, guard: () => void): StoreOperations {
  const guarding = new Proxy(operations, {
    get(target, name: keyof StoreOperations) {
      const operation: (...args: readonly never[]) => Promise<unknown> = target[name];
      return async (...args: readonly never[]) => {
        guard();
        return operation(...args);
      };
    },
  });
  return { ...guarding };
}
