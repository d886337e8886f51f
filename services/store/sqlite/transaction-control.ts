import type { DatabaseSync } from 'node:sqlite';

import type { TransactionControl } from '../group-commit.ts';
import { sqliteFault } from './sqlite-fault.ts';

/** Transactions of one SQLite connection. */
export function sqliteTransactions(database: DatabaseSync): TransactionControl {
  const begin = database.prepare('begin immediate');
  const commit = database.prepare('commit');
  const rollback = database.prepare('rollback');
  const savepoint = database.prepare('savepoint one');
  const undo = database.prepare('rollback to one');
  const release = database.prepare('release one');
  return {
    begin: () => begin.run(),
    commit: () => commit.run(),
    // SQLite ends the transaction itself after some errors.
    rollback: () => database.isTransaction && rollback.run(),
    savepoint: () => savepoint.run(),
    undo: () => undo.run(),
    release: () => release.run(),
    endsTransaction: (error) => {
      const fault = sqliteFault(error);
      return fault === 'transient' || fault === 'fatal';
    },
  };
}
