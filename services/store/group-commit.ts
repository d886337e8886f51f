import { DependencyError } from '#core/dependency-error.ts';

import type { Executor } from './prepared-query.ts';

/** The most that share one commit: bounds how long the first waits for the last. */
export const GROUP_MAX = 128;

interface Waiting {
  /** Does the work inside the open transaction; resolves to what tells its caller, once that is true. */
  run(): Promise<() => void>;
  reject(error: unknown): void;
}

/** When the next group is due; at most one call is outstanding. */
export type Schedule = (commit: () => Promise<void>) => void;

/** One connection's transactions, with nobody else on it while a group is under way. */
export interface TransactionControl {
  readonly begin: () => unknown;
  readonly commit: () => unknown;
  /** Undoes the whole transaction, where there is still one. If it throws, the connection is beyond use. */
  readonly rollback: () => unknown;
  readonly savepoint: () => unknown;
  readonly undo: () => unknown;
  readonly release: () => unknown;
  /** True for an error after which the transaction cannot go on: it is of the database, not of one work. */
  readonly endsTransaction: (error: unknown) => boolean;
}

/**
 * Writes that wait together share one transaction and its fsync. Each has its own savepoint: one that throws is undone alone. Nobody
 * is told of success before the commit is durable; when the transaction as a whole fails, everybody in it gets a DependencyError.
 */
export class GroupCommit {
  readonly #control: TransactionControl;
  readonly #executor: Executor;
  readonly #schedule: Schedule;
  #waiting: Waiting[] = [];

  /** `executor` runs on the connection that `control` is of. */
  constructor(control: TransactionControl, executor: Executor, schedule: Schedule) {
    this.#control = control;
    this.#executor = executor;
    this.#schedule = schedule;
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
    const { begin, commit, rollback } = this.#control;
    const outcomes: (() => void)[] = [];
    try {
      await begin();
      for (const one of group) outcomes.push(await this.#runAlone(one));
      await commit();
    } catch (cause) {
      const error = new DependencyError('store', 'the transaction failed', { cause });
      for (const one of group) one.reject(error);
      await rollback();
      return;
    }
    for (const tell of outcomes) tell();
  }

  async #runAlone(one: Waiting): Promise<() => void> {
    const { savepoint, undo, release, endsTransaction } = this.#control;
    await savepoint();
    try {
      const tell = await one.run();
      await release();
      return tell;
    } catch (error) {
      if (endsTransaction(error)) throw error;
      await undo();
      await release();
      return () => one.reject(error);
    }
  }
}
