import type { DatabaseSync, StatementSync } from 'node:sqlite';

import { DependencyError } from '#core/dependency-error.ts';

import type { Executor } from '../prepared-query.ts';
import { sqliteFault } from './sqlite-fault.ts';

/** The most that share one commit: bounds how long the first waits for the last. */
export const GROUP_MAX = 128;

interface Waiting {
  /** Does the work inside the open transaction; resolves to what tells its caller, once that is true. */
  run(): Promise<() => void>;
  reject(error: unknown): void;
}

/** When the next group is due; at most one call is outstanding. */
export type Schedule = (commit: () => Promise<void>) => void;

/**
 * Writes that wait together share one transaction and its fsync. Each has its own savepoint: one that throws is undone alone. Nobody
 * is told of success before the commit is durable; when the transaction as a whole fails, everybody in it gets a DependencyError.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #executor: Executor;
  readonly #schedule: Schedule;
  readonly #statements: Record<'begin' | 'commit' | 'rollback' | 'savepoint' | 'undo' | 'release', StatementSync>;
  #waiting: Waiting[] = [];

  /** `executor` runs on `database`, which has no other user while a commit is under way. */
  constructor(database: DatabaseSync, executor: Executor, schedule: Schedule) {
    this.#database = database;
    this.#executor = executor;
    this.#schedule = schedule;
    this.#statements = {
      begin: database.prepare('begin immediate'),
      commit: database.prepare('commit'),
      rollback: database.prepare('rollback'),
      savepoint: database.prepare('savepoint one'),
      undo: database.prepare('rollback to one'),
      release: database.prepare('release one'),
    };
  }

  /** `work` was done and is durable when the promise resolves; when it rejects, nothing of it is left. */
  transact<T>(work: (tx: Executor) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = async (): Promise<() => void> => {
        const value = await work(this.#executor);
        return () => resolve(value);
      };
      this.#waiting.push({ run, reject });
      if (this.#waiting.length === 1) this.#schedule(() => this.#commitWaiting());
    });
  }

  async #commitWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.slice(0, GROUP_MAX);
      await this.#commitGroup(group);
      this.#waiting = this.#waiting.slice(group.length);
    }
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const { begin, commit, rollback } = this.#statements;
    const outcomes: (() => void)[] = [];
    try {
      begin.run();
      for (const one of group) outcomes.push(await this.#runAlone(one));
      commit.run();
    } catch (cause) {
      const error = new DependencyError('store', 'the transaction failed', { cause });
      for (const one of group) one.reject(error);
      // SQLite ends the transaction itself after some errors. If this throws, the connection is beyond use.
      if (this.#database.isTransaction) rollback.run();
      return;
    }
    for (const tell of outcomes) tell();
  }

  async #runAlone(one: Waiting): Promise<() => void> {
    const { savepoint, undo, release } = this.#statements;
    savepoint.run();
    try {
      const tell = await one.run();
      release.run();
      return tell;
    } catch (error) {
      if (endsTransaction(error)) throw error;
      undo.run();
      release.run();
      return () => one.reject(error);
    }
  }
}

function endsTransaction(error: unknown): boolean {
  const fault = sqliteFault(error);
  return fault === 'transient' || fault === 'fatal';
}
