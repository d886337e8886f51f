import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { DependencyError } from '#core/dependency-error.ts';
import type { LeaderLock } from '#services/store/leader-lock.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import type { Store } from '#services/store/store.ts';
import { type LabPostgres, postgresPrograms, startPostgres } from '#test/lab/postgres.ts';

const bin = postgresPrograms();

describe.skipIf(bin === undefined)('the leader’s lock in PostgreSQL (postgresql)', () => {
  let server: LabPostgres;
  let place: PostgresPlace;
  const stores: Store[] = [];
  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
    place = await server.createDatabase('muster');
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const open = async (): Promise<Store> => {
    const store = await openPostgresStore({ place, now: systemClock });
    stores.push(store);
    return store;
  };

  test('is one process’s, and another’s as soon as that one has given it up', async () => {
    const [one, other] = [await open(), await open()];
    const lock = await one.takeLeaderLock();
    expect(lock?.isHeld()).toBe(true);
    expect(await other.takeLeaderLock()).toBeUndefined();
    await lock?.[Symbol.asyncDispose]();
    const next = await untilTaken(other);
    expect(next.isHeld()).toBe(true);
    expect(await one.takeLeaderLock()).toBeUndefined();
  });

  test('is lost with its connection, and the process knows at once', async () => {
    const [one, other] = [await open(), await open()];
    const lock = await untilTaken(one);
    await server.query(
      place,
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'muster leader'",
    );
    await untilAborted(lock);
    expect(lock.isHeld()).toBe(false);
    expect((await untilTaken(other)).isHeld()).toBe(true);
  });

  test('is lost while the server is away, and taken again when it is back', async () => {
    const store = await open();
    const lock = await untilTaken(store);
    await server.stop();
    await untilAborted(lock);
    await expect(store.takeLeaderLock()).rejects.toThrow(DependencyError);
    await server.start();
    expect((await untilTaken(store)).isHeld()).toBe(true);
  });

  test(
    'is kept as long as its holder speaks, which is longer than the server’s patience',
    { timeout: 30_000 },
    async () => {
      const [one, other] = [await open(), await open()];
      const lock = await untilTaken(one);
      await pause(11_000);
      expect(lock.isHeld()).toBe(true);
      expect(await other.takeLeaderLock()).toBeUndefined();
    },
  );
});

async function untilTaken(store: Store): Promise<LeaderLock> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const lock = await store.takeLeaderLock();
    if (lock !== undefined) return lock;
    await pause(20);
  }
  throw new Error('nobody gives the lock up');
}

async function untilAborted({ lost }: LeaderLock): Promise<void> {
  for (let attempt = 0; attempt < 500 && !lost.aborted; attempt += 1) await pause(20);
  expect(lost.aborted).toBe(true);
}
