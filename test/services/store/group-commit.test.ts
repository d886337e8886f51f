import { DatabaseSync } from 'node:sqlite';

import { CompiledQuery } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import type { Executor } from '#services/store/prepared-query.ts';
import { GROUP_MAX, GroupCommit } from '#services/store/group-commit.ts';
import { SqliteConnection } from '#services/store/sqlite/sqlite-connection.ts';
import { sqliteTransactions } from '#services/store/sqlite/transaction-control.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';

const insert = (n: number) => async (tx: Executor) => {
  await tx.executeQuery(CompiledQuery.raw('insert into numbers values (?)', [n]));
  return n;
};
const failAfter = (n: number) => async (tx: Executor) => {
  await insert(n)(tx);
  throw new Error(`no ${n}`);
};

describe('writes that wait together', () => {
  let database: DatabaseSync;
  let remove: () => void;
  let group: GroupCommit;
  /** Commits that are due, run when the test says so. */
  let due: (() => Promise<void>)[];

  beforeEach(() => {
    const place = labStorePath();
    remove = place.remove;
    database = new DatabaseSync(place.path);
    database.exec('pragma journal_mode = wal; create table numbers (n integer primary key) strict');
    due = [];
    group = new GroupCommit(sqliteTransactions(database), new SqliteConnection(database), (commit) => due.push(commit));
  });
  afterEach(() => {
    database.close();
    remove();
  });

  const commitDue = async () => {
    for (const commit of due.splice(0)) await commit();
  };
  /** What another connection sees: only what is committed. */
  const committed = () => {
    const other = new DatabaseSync(database.location() ?? '', { readOnly: true });
    try {
      return other
        .prepare('select n from numbers order by n')
        .all()
        .map((row) => row['n']);
    } finally {
      other.close();
    }
  };

  test('ask for one commit, and are told of it after it', async () => {
    const seen = [1, 2, 3].map((n) => group.transact(insert(n)).then(committed));
    expect(due).toHaveLength(1);
    await commitDue();
    expect(await Promise.all(seen)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('ask for another commit once the one before is done', async () => {
    const first = group.transact(insert(1));
    await commitDue();
    const second = group.transact(insert(2));
    expect(due).toHaveLength(1);
    await commitDue();
    expect(await Promise.all([first, second])).toEqual([1, 2]);
  });

  test('join the commit under way in a group of their own', async () => {
    const late: Promise<number>[] = [];
    const first = group.transact(async (tx) => {
      late.push(group.transact(insert(2)));
      return insert(1)(tx);
    });
    await commitDue();
    expect(due).toHaveLength(0);
    expect([await first, await late[0]]).toEqual([1, 2]);
  });

  test('are undone alone when they fail', async () => {
    const outcomes = Promise.allSettled([
      group.transact(insert(1)),
      group.transact(failAfter(2)),
      group.transact(insert(3)),
    ]);
    await commitDue();
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(committed()).toEqual([1, 3]);
  });

  test('are undone alone when they break a constraint', async () => {
    const outcomes = Promise.allSettled([
      group.transact(insert(1)),
      group.transact(insert(1)),
      group.transact(insert(2)),
    ]);
    await commitDue();
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(committed()).toEqual([1, 2]);
  });

  test('of which there are many are committed in groups of a bounded size', async () => {
    const all = Array.from({ length: GROUP_MAX * 2 + 1 }, (_, n) =>
      group.transact(insert(n)).then(() => committed().length),
    );
    await commitDue();
    expect([...new Set(await Promise.all(all))]).toEqual([GROUP_MAX, GROUP_MAX * 2, GROUP_MAX * 2 + 1]);
  });

  test('all fail, and leave nothing, when the disk fails one of them', async () => {
    const failing = async (tx: Executor) => {
      await insert(2)(tx);
      throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
    };
    const outcomes = Promise.allSettled([
      group.transact(insert(1)),
      group.transact(failing),
      group.transact(insert(3)),
    ]);
    await commitDue();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(committed()).toEqual([]);
    expect(database.isTransaction).toBe(false);
  });

  test('all fail, and leave nothing, when the file is full', async () => {
    const pages = Number(database.prepare('pragma page_count').get()?.['page_count']);
    database.exec(`pragma max_page_count = ${pages + 2}`);
    const fill = async (tx: Executor) => {
      for (let n = 100; n < 10_000; n += 1) await insert(n)(tx);
    };
    const outcomes = Promise.allSettled([group.transact(insert(1)), group.transact(fill), group.transact(insert(2))]);
    await commitDue();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(DependencyError) });
    }
    expect(committed()).toEqual([]);
  });

  test('succeed again once there is room', async () => {
    const pages = Number(database.prepare('pragma page_count').get()?.['page_count']);
    database.exec(`pragma max_page_count = ${pages}`);
    const fill = async (tx: Executor) => {
      for (let n = 100; n < 10_000; n += 1) await insert(n)(tx);
    };
    const refused = Promise.allSettled([group.transact(fill)]);
    await commitDue();
    expect(await refused).toMatchObject([{ status: 'rejected' }]);
    database.exec('pragma max_page_count = 1000000');
    const again = group.transact(fill);
    await commitDue();
    expect(await again).toBeUndefined();
  });

  test('all fail when another process holds the write lock', async () => {
    database.exec('pragma busy_timeout = 1');
    const other = new DatabaseSync(database.location() ?? '');
    other.exec('begin immediate');
    const refused = Promise.allSettled([group.transact(insert(1)), group.transact(insert(2))]);
    await commitDue();
    expect(await refused).toMatchObject([
      { status: 'rejected', reason: { dependency: 'store', cause: { errcode: 5 } } },
      { status: 'rejected', reason: { dependency: 'store' } },
    ]);
    other.exec('rollback');
    other.close();
    const again = group.transact(insert(1));
    await commitDue();
    expect(await again).toBe(1);
  });
});
