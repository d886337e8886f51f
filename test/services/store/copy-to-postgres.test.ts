import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { openPostgresSink, postgresRows } from '#services/store/postgres/postgres-rows.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import { sqliteRows } from '#services/store/sqlite/sqlite-rows.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { transferRows } from '#services/store/transfer/rows.ts';
import type { RowSource } from '#services/store/transfer/rows.ts';
import { type LabPostgres, postgresPrograms, startPostgres } from '#test/lab/postgres.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';
import {
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labNodeId,
  labTake,
  NOON,
} from '#test/lab/store-values.ts';

const bin = postgresPrograms();
const MANY = 1_200;

describe.skipIf(bin === undefined)('a store that moves from SQLite to PostgreSQL (postgresql)', () => {
  let server: LabPostgres;
  const place = labStorePath();
  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
    await using store = await openSqliteStore({ path: place.path });
    const nodes = Array.from({ length: MANY }, (_, index) => labEnrolment(index + 1));
    await store.enrolNodes(
      nodes,
      'alice',
      NOON,
      nodes.map(() => labEvent()),
    );
    await store.takeTicket(labTake(1));
    await store.reserveSerial(labIntent(1), labTake(1).ticketId, labEvent());
    await store.recordIssued(labIssued(1), labJoin(1), labEvent());
  });
  afterAll(async () => {
    place.remove();
    await server[Symbol.asyncDispose]();
  });

  test('has every row there that it had, and goes on where it was', async () => {
    const target = await server.createDatabase('copied');
    await using source = sqliteRows(place.path);
    {
      await using sink = await openPostgresSink(target);
      const counts = await transferRows(source, sink);
      expect(counts.get('nodes')).toBe(MANY);
    }
    await using copied = await postgresRows(target);
    expect(await contentOf(copied)).toEqual(await contentOf(sqliteRows(place.path)));
    await using store = await openPostgresStore({ place: target, now: systemClock });
    expect(await store.findNode(labNodeId(1))).toMatchObject({ state: 'joined' });
    expect((await store.appendAudit(labEvent())).sequence).toBe(MANY + 3);
  });

  test('is not copied over one that has anything in it', async () => {
    const target = await server.createDatabase('taken');
    await using store = await openPostgresStore({ place: target, now: systemClock });
    await store.appendAudit(labEvent());
    await expect(openPostgresSink(target)).rejects.toThrow(/not empty/);
  });
});

async function contentOf(source: RowSource): Promise<ReadonlyMap<string, readonly unknown[]>> {
  await using open = source;
  const content = new Map<string, unknown[]>();
  for await (const { table, rows } of open.batches()) content.set(table, [...(content.get(table) ?? []), ...rows]);
  return content;
}
