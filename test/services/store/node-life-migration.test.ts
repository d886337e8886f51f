import { DatabaseSync } from 'node:sqlite';

import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { expect, test } from 'vitest';

import { SQLITE_TRAITS } from '#services/store/dialect-traits.ts';
import { migrate, migrations } from '#services/store/migrations/migrate.ts';
import type { Schema } from '#services/store/schema.ts';
import { SqliteConnection } from '#services/store/sqlite/sqlite-connection.ts';
import { SqliteDialect } from '#services/store/sqlite/sqlite-dialect.ts';

test('a store from before there was a revocation list has its orphans on it, and nothing else', async () => {
  const database = new DatabaseSync(':memory:');
  const db = new Kysely<Schema>({ dialect: new SqliteDialect(new SqliteConnection(database)) });
  const before = new Migrator({ db, provider: { getMigrations: async () => migrations(SQLITE_TRAITS) } });
  expect((await before.migrateTo('0003-ima-progress')).error).toBeUndefined();
  const [begins, ends] = ['2026-11-21T12:00:00.000Z', '2026-11-21T20:00:00.000Z'];
  database.exec(`insert into nodes (id, name, pool, state, ek_fingerprint, enrolled_at, enrolled_by)
    values ('n', 'worker-1', 'general', 'joined', 'ek', '${begins}', 'alice')`);
  for (const [serial, state, fingerprint] of [
    ['4d01', 'orphaned', 'null'],
    ['4d02', 'issued', "'aa'"],
    ['4d03', 'signing', 'null'],
  ]) {
    database.exec(`insert into certificates (serial, node_id, node_name, request_id, state, spki_fingerprint, tbs_digest,
      not_before, not_after, fingerprint, der)
      values ('${serial}', 'n', 'worker-1', 'r', '${state}', 'k', 't', '${begins}', '${ends}', ${fingerprint}, x'00')`);
  }
  await migrate(db, SQLITE_TRAITS);
  const listed = await db.selectFrom('revocations').selectAll().execute();
  const orphan = { serial: '4d01', not_after: ends, reason: 'superseded', revoked_at: begins, change: 1, dropped: 0 };
  expect(listed.map((row) => ({ ...row }))).toEqual([orphan]);
  database.close();
});
