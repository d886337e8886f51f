import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

import { AUDIT_GENESIS } from '#core/audit-record.ts';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/** Nodes, certificates, tickets and the audit log. */
export function initialMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      await createNodes(db, traits);
      await createCertificates(db, traits);
      await createTickets(db, traits);
      await createAuditLog(db, traits);
    },
  };
}

async function createNodes(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('nodes')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('name', traits.orderedText, (c) => c.notNull())
    .addColumn('pool', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) =>
      c.notNull().check(sql`state in ('enrolled', 'pending', 'joined', 'quarantined', 'barred', 'retired')`),
    )
    .addColumn('ek_fingerprint', 'text', (c) => c.notNull())
    .addColumn('ek_certificate', traits.bytes)
    .addColumn('enrolled_at', 'text', (c) => c.notNull())
    .addColumn('enrolled_by', 'text', (c) => c.notNull())
    .addColumn('retired_at', 'text')
    .addColumn('last_join_at', 'text')
    .addColumn('last_address', 'text')
    .addColumn('reset_count', traits.wideInteger)
    .addColumn('restart_count', traits.wideInteger)
    .addColumn('clock_ms', 'text')
    .addColumn('ak_name', 'text')
    .addCheckConstraint('nodes_retired_at', sql`(state = 'retired') = (retired_at is not null)`);
  await traits.table(table).execute();
  // The predicate is not on `state`, so that a join, which sets the state, leaves both indexes alone.
  for (const column of ['name', 'ek_fingerprint'] as const) {
    await db.schema
      .createIndex(`nodes_${column}`)
      .unique()
      .on('nodes')
      .column(column)
      .where(sql.ref('retired_at'), 'is', null)
      .execute();
  }
}

async function createCertificates(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('certificates')
    .addColumn('serial', 'text', (c) => c.primaryKey().notNull())
    .addColumn('node_id', 'text', (c) => c.notNull().references('nodes.id'))
    .addColumn('node_name', 'text', (c) => c.notNull())
    .addColumn('request_id', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull().check(sql`state in ('signing', 'issued', 'orphaned', 'revoked')`))
    .addColumn('spki_fingerprint', 'text', (c) => c.notNull())
    .addColumn('tbs_digest', 'text', (c) => c.notNull())
    .addColumn('not_before', 'text', (c) => c.notNull())
    .addColumn('not_after', 'text', (c) => c.notNull())
    .addColumn('fingerprint', 'text')
    .addColumn('der', traits.bytes)
    .addCheckConstraint('certificates_issued', sql`state <> 'issued' or (fingerprint is not null and der is not null)`);
  await traits.table(table).execute();
  await db.schema.createIndex('certificates_node').on('certificates').columns(['node_id', 'not_before']).execute();
  await db.schema
    .createIndex('certificates_signing')
    .on('certificates')
    .column('serial')
    .where(sql`state`, '=', sql.lit('signing'))
    .execute();
}

async function createTickets(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('tickets')
    .addColumn('ticket_id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('request_digest', 'text', (c) => c.notNull())
    .addColumn('request_id', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text', (c) => c.notNull())
    .addColumn('serial', 'text');
  await traits.keyedTable(table).execute();
}

async function createAuditLog(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const records = db.schema
    .createTable('audit_records')
    .addColumn('sequence', traits.wideInteger, (c) => c.primaryKey().notNull())
    .addColumn('previous_hash', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('at', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('address', 'text')
    .addColumn('request_id', 'text')
    .addColumn('node_name', 'text')
    .addColumn('facts', 'text', (c) => c.notNull());
  await traits.table(records).execute();
  await db.schema
    .createIndex('audit_records_request')
    .on('audit_records')
    .column('request_id')
    .where('request_id', 'is not', null)
    .execute();
  await db.schema
    .createIndex('audit_records_node')
    .on('audit_records')
    .columns(['node_name', 'sequence'])
    .where('node_name', 'is not', null)
    .execute();
  const head = db.schema
    .createTable('audit_head')
    .addColumn('id', 'integer', (c) =>
      c
        .primaryKey()
        .notNull()
        .check(sql`id = 1`),
    )
    .addColumn('sequence', traits.wideInteger, (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull());
  await traits.table(head).execute();
  await db.insertInto('audit_head').values({ id: 1, sequence: 0, hash: AUDIT_GENESIS }).execute();
}
