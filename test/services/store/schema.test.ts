import { DatabaseSync } from 'node:sqlite';

import {
  type CompiledQuery,
  type DatabaseConnection,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { POSTGRES_TRAITS } from '#services/store/dialect-traits.ts';
import { migrations } from '#services/store/migrations/migrate.ts';
import type { Schema } from '#services/store/schema.ts';
import { openSqliteOperations } from '#services/store/sqlite/sqlite-operations.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';

/** Every column there is. A new one is added here by whoever has asked: may an administrator, and a backup's finder, see it? */
const COLUMNS = {
  audit_export_cursors: ['destination', 'hash', 'moved_at', 'sequence'],
  audit_head: ['hash', 'id', 'sequence'],
  audit_records: [
    'actor',
    'address',
    'at',
    'facts',
    'hash',
    'node_name',
    'previous_hash',
    'request_id',
    'sequence',
    'type',
  ],
  candidates: [
    'ek_certificate',
    'ek_fingerprint',
    'expires_at',
    'first_proof',
    'first_seen_at',
    'id',
    'last_seen_at',
    'latest_proof',
    'network',
    'node_id',
    'pool',
    'refused_at',
    'refused_by',
    'refused_reason',
    'request_id',
    'revision',
    'state',
  ],
  certificates: [
    'der',
    'fingerprint',
    'node_id',
    'node_name',
    'not_after',
    'not_before',
    'request_id',
    'serial',
    'spki_fingerprint',
    'state',
    'tbs_digest',
  ],
  crl_lists: ['der', 'entries', 'issuer_key_id', 'next_update', 'number', 'this_update', 'through'],
  crls: ['issuer_key_id', 'number', 'published_at', 'published_through'],
  // What stands for a token's secret is its hash.
  join_tokens: [
    'created_at',
    'created_by',
    'expires_at',
    'id',
    'node_name',
    'pool',
    'redeemed_at',
    'redeemed_key',
    'revoked_at',
    'revoked_by',
    'secret_hash',
  ],
  leader_terms: ['id', 'term'],
  nodes: [
    'ak_name',
    'approved_at',
    'approved_by',
    'barred_from',
    'clock_ms',
    'connectivity',
    'ek_certificate',
    'ek_fingerprint',
    'enrolled_at',
    'enrolled_by',
    'firmware_version',
    'id',
    'ima_progress',
    'last_address',
    'last_join_at',
    'measurement_key',
    'name',
    'newest_certificate',
    'newest_used',
    'pool',
    'previous_certificate',
    'quarantined_from',
    'reset_count',
    'restart_count',
    'retired_at',
    'state',
  ],
  node_addresses: ['address', 'first_seen_at', 'last_seen_at', 'node_id'],
  node_contacts: [
    'agent_version',
    'boot_id',
    'boot_seen_at',
    'boots_seen',
    'clock_offset_ms',
    'connectivity_since',
    'last_heartbeat_at',
    'last_lease_at',
    'node_id',
    'renew_requested_at',
    'revision',
  ],
  revocations: ['change', 'dropped', 'not_after', 'reason', 'revoked_at', 'serial'],
  step_up_challenges: ['challenge', 'expires_at'],
  step_up_counters: ['counter', 'credential'],
  tickets: ['expires_at', 'request_digest', 'request_id', 'serial', 'ticket_id'],
};

describe('the schema', () => {
  const { path, remove } = labStorePath();
  let database: DatabaseSync;
  beforeAll(async () => {
    const { close } = await openSqliteOperations(path, (commit) => setImmediate(() => void commit()));
    close();
    database = new DatabaseSync(path);
  });
  afterAll(() => {
    database.close();
    remove();
  });

  test('has the columns that were looked at for secrets, and no other', () => {
    const tables = database
      .prepare("select name from sqlite_schema where type = 'table' and name not like 'kysely%'")
      .all();
    const columns = tables.map(({ name }) => {
      const rows = database.prepare(`select name from pragma_table_info(?)`).all(String(name));
      return [name, rows.map((row) => String(row['name'])).toSorted()];
    });
    expect(Object.fromEntries(columns)).toEqual(COLUMNS);
  });

  test.each(Object.keys(COLUMNS))('keeps the columns of %s to their types', (table) => {
    const [row] = database.prepare('select strict from pragma_table_list where name = ?').all(table);
    expect(row?.['strict']).toBe(1);
  });

  test.each([
    ['a state that there is not', "update nodes set state = 'admitted'"],
    ['a connectivity that there is not', "update nodes set connectivity = 'never-seen'"],
    ['a retired node without its time', "update nodes set state = 'retired'"],
    ['a time of retirement for a node that is not', "update nodes set retired_at = '2026-11-21T12:00:00.000Z'"],
    ['an issued certificate without its bytes', "update certificates set state = 'issued'"],
    [
      'a certificate of no node',
      "insert into certificates values ('7a', 'x', 'n', 'r', 'signing', 's', 't', 'b', 'a', null, null)",
    ],
    ['a second head', "insert into audit_head values (2, 0, '')"],
  ])('refuses %s', (_, sql) => {
    database.exec(`delete from certificates; delete from nodes;
      insert into nodes (id, name, pool, state, ek_fingerprint, enrolled_at, enrolled_by)
        values ('i', 'n', 'p', 'enrolled', 'e', 'then', 'alice');
      insert into certificates (serial, node_id, node_name, request_id, state, spki_fingerprint, tbs_digest, not_before, not_after)
        values ('01', 'i', 'n', 'r', 'signing', 's', 't', 'b', 'a')`);
    expect(() => database.exec(sql)).toThrow('constraint failed');
  });

  const plan = (sql: string): string =>
    database
      .prepare(`explain query plan ${sql}`)
      .all()
      .map((row) => String(row['detail']))
      .join('; ');
  test.each([
    ['a node by its EK', 'select * from nodes where ek_fingerprint = ? and retired_at is null', 'nodes_ek_fingerprint'],
    ['a node by its name', 'select * from nodes where name = ? and retired_at is null', 'nodes_name'],
    [
      'what is being signed',
      "select * from certificates where state = 'signing' order by serial",
      'certificates_signing',
    ],
    [
      'a node’s certificates',
      'select * from certificates where node_id = ? order by not_before desc',
      'certificates_node',
    ],
    [
      'a request’s records',
      'select * from audit_records where request_id = ? order by sequence',
      'audit_records_request',
    ],
    [
      'a node’s records',
      'select * from audit_records where node_name = ? order by sequence desc',
      'audit_records_node',
    ],
    [
      'records of one type',
      'select * from audit_records where type = ? and sequence < ? order by sequence desc limit ?',
      'audit_records_type',
    ],
  ])('finds %s by an index', (_, sql, index) => {
    expect(plan(sql)).toMatch(new RegExp(`USING INDEX ${index}\\b`));
    expect(plan(sql)).not.toContain('TEMP B-TREE');
  });

  test('is the same for PostgreSQL, in its own types', async () => {
    const statements: string[] = [];
    const connection: DatabaseConnection = {
      executeQuery: (query: CompiledQuery) => {
        statements.push(query.sql);
        return Promise.resolve({ rows: [] });
      },
      streamQuery: () => {
        throw new Error('nothing is streamed');
      },
    };
    const nothing = (): Promise<void> => Promise.resolve();
    const db = new Kysely<Schema>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createIntrospector: (instance) => new PostgresIntrospector(instance),
        createQueryCompiler: () => new PostgresQueryCompiler(),
        createDriver: () => ({
          init: nothing,
          acquireConnection: () => Promise.resolve(connection),
          beginTransaction: nothing,
          commitTransaction: nothing,
          rollbackTransaction: nothing,
          releaseConnection: nothing,
          destroy: nothing,
        }),
      },
    });
    for (const migration of Object.values(migrations(POSTGRES_TRAITS))) await migration.up(db);
    const all = statements.join('\n');
    expect(all).toContain('"ek_certificate" bytea');
    expect(all).toContain('"name" text collate "C" not null');
    expect(all).toContain('"sequence" bigint not null primary key');
    expect(all).toContain('create unique index "nodes_name" on "nodes" ("name") where "retired_at" is null');
    expect(all).not.toMatch(/blob|strict|rowid/);
  });
});
