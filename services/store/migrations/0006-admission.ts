import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/** Machines that wait for approval, who approved a node, and the look-ups that find a second holder of a key. */
export function admissionMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      await db.schema.alterTable('nodes').addColumn('approved_at', 'text').execute();
      await db.schema.alterTable('nodes').addColumn('approved_by', 'text').execute();
      await db.schema.alterTable('nodes').addColumn('firmware_version', 'text').execute();
      await createCandidates(db, traits);
      await db.schema.createIndex('certificates_spki').on('certificates').column('spki_fingerprint').execute();
      await db.schema
        .createIndex('nodes_ak')
        .on('nodes')
        .column('ak_name')
        .where(sql.ref('ak_name'), 'is not', null)
        .execute();
      await db.schema
        .createIndex('nodes_enrolled_by')
        .on('nodes')
        .columns(['enrolled_by', 'pool', 'enrolled_at'])
        .execute();
    },
  };
}

async function createCandidates(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('candidates')
    .addColumn('id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('ek_fingerprint', 'text', (c) => c.notNull().unique())
    .addColumn('ek_certificate', traits.bytes)
    .addColumn('pool', 'text', (c) => c.notNull())
    .addColumn('node_id', 'text', (c) => c.references('nodes.id'))
    .addColumn('network', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull().check(sql`state in ('waiting', 'refused')`))
    .addColumn('first_seen_at', 'text', (c) => c.notNull())
    .addColumn('last_seen_at', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text', (c) => c.notNull())
    .addColumn('request_id', 'text', (c) => c.notNull())
    .addColumn('revision', traits.wideInteger, (c) => c.notNull())
    .addColumn('first_proof', 'text', (c) => c.notNull())
    .addColumn('latest_proof', 'text', (c) => c.notNull())
    .addColumn('refused_by', 'text')
    .addColumn('refused_at', 'text')
    .addColumn('refused_reason', 'text')
    .addCheckConstraint(
      'candidates_refused',
      sql`(state = 'refused') = (refused_by is not null and refused_at is not null and refused_reason is not null)`,
    );
  await traits.table(table).execute();
  await db.schema.createIndex('candidates_network').on('candidates').column('network').execute();
}
