import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { DependencyError } from '#core/dependency-error.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import type { Store } from '#services/store/store.ts';
import { type LabPostgres, postgresPrograms, startPostgres } from '#test/lab/postgres.ts';
import { labEvent, labTake } from '#test/lab/store-values.ts';

const bin = postgresPrograms();

describe.skipIf(bin === undefined)('a store in PostgreSQL (postgresql)', () => {
  let server: LabPostgres;
  let place: PostgresPlace;
  let databases = 0;
  const stores: Store[] = [];
  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const open = async (at: PostgresPlace): Promise<Store> => {
    const store = await openPostgresStore({ place: at, now: systemClock });
    stores.push(store);
    return store;
  };
  const twoReplicas = async (): Promise<readonly [Store, Store]> => {
    place = await server.createDatabase(`lab_${++databases}`);
    return Promise.all([open(place), open(place)]);
  };

  test('is migrated once by replicas that start together', async () => {
    const [one, other] = await twoReplicas();
    await one.appendAudit(labEvent());
    expect(await other.auditHead()).toEqual(await one.auditHead());
  });

  test('lets one of two replicas have a ticket, and tells the other that it is spent', async () => {
    const [one, other] = await twoReplicas();
    for (let round = 1; round <= 20; round += 1) {
      const take = labTake(round);
      const another = { ...take, requestDigest: `${take.requestDigest.slice(1)}0` };
      const taken = await Promise.all([one.takeTicket(take), other.takeTicket(another)]);
      expect(taken.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b))).toEqual(['fresh', 'spent']);
    }
  });

  test('keeps one chain of audit records whichever replica writes', async () => {
    const [one, other] = await twoReplicas();
    const writes = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? one : other).appendAudit(labEvent()));
    const sequences = (await Promise.all(writes)).map(({ sequence }) => sequence);
    expect(sequences.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    const records = await one.readAudit(0, 100);
    expect(records.map(({ previousHash }) => previousHash).slice(1)).toEqual(
      records.map(({ hash }) => hash).slice(0, -1),
    );
  });

  test('rejects while the server is away, and goes on by itself when it is back', async () => {
    const [store] = await twoReplicas();
    const { sequence } = await store.appendAudit(labEvent());
    await server.stop();
    await expect(store.appendAudit(labEvent())).rejects.toThrow(DependencyError);
    await expect(store.auditHead()).rejects.toMatchObject({ dependency: 'store' });
    await server.start();
    const after = await store.appendAudit(labEvent());
    expect(after.sequence).toBe(sequence + 1);
    expect(await store.auditHead()).toMatchObject({ sequence: sequence + 1 });
  });

  test('has everything that it acknowledged, and no more than it was asked, after a crash under load', async () => {
    const [store] = await twoReplicas();
    const before = (await store.auditHead()).sequence;
    const asked = Array.from({ length: 200 }, () =>
      store.appendAudit(labEvent()).then(
        () => 1,
        () => 0,
      ),
    );
    await server.crashAndRestart();
    const acknowledged = (await Promise.all(asked)).reduce<number>((sum, one) => sum + one, 0);
    const kept = (await store.auditHead()).sequence - before;
    expect(kept).toBeGreaterThanOrEqual(acknowledged);
    expect(kept).toBeLessThanOrEqual(asked.length);
  });

  test('is not opened on a standby, which only reads', async () => {
    await twoReplicas();
    await server.becomeStandby();
    try {
      await expect(openPostgresStore({ place, now: systemClock })).rejects.toThrow(DependencyError);
    } finally {
      await server.promote();
    }
  });

  test('notices that its server became a standby, and writes again when it is promoted', async () => {
    const [store] = await twoReplicas();
    await store.appendAudit(labEvent());
    await server.becomeStandby();
    await expect(store.appendAudit(labEvent())).rejects.toThrow(DependencyError);
    expect(await store.auditHead()).toMatchObject({ sequence: 1 });
    await server.promote();
    expect(await store.appendAudit(labEvent())).toMatchObject({ sequence: 2 });
  });
});
