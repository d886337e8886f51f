import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/** Where nodes go back to, the revocation list, and where each issuer's series of lists stands. */
export function nodeLifeMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      await db.schema.alterTable('nodes').addColumn('quarantined_from', 'text').execute();
      await db.schema.alterTable('nodes').addColumn('barred_from', 'text').execute();
      await db.schema
        .createIndex('certificates_fingerprint')
        .unique()
        .on('certificates')
        .column('fingerprint')
        .where('fingerprint', 'is not', null)
        .execute();
      await createRevocations(db, traits);
      await createCrls(db, traits);
      await listOrphans(db);
    },
  };
}

async function createRevocations(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('revocations')
    .addColumn('serial', 'text', (c) => c.primaryKey().notNull().references('certificates.serial'))
    .addColumn('not_after', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) =>
      c
        .notNull()
        .check(
          sql`reason in ('unspecified', 'keyCompromise', 'cACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'certificateHold', 'privilegeWithdrawn', 'removeFromCRL')`,
        ),
    )
    .addColumn('revoked_at', 'text', (c) => c.notNull())
    .addColumn('change', traits.wideInteger, (c) => c.notNull())
    .addColumn('dropped', 'integer', (c) =>
      c
        .notNull()
        .defaultTo(0)
        .check(sql`dropped in (0, 1)`),
    );
  await traits.table(table).execute();
  await db.schema.createIndex('revocations_change').on('revocations').columns(['change', 'serial']).execute();
  await db.schema
    .createIndex('revocations_expiry')
    .on('revocations')
    .column('not_after')
    .where(sql`dropped`, '=', sql.lit(0))
    .execute();
}

async function createCrls(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('crls')
    .addColumn('issuer_key_id', 'text', (c) => c.primaryKey().notNull())
    .addColumn('number', traits.wideInteger, (c) => c.notNull())
    .addColumn('published_at', 'text')
    .addColumn('published_through', traits.wideInteger);
  await traits.keyedTable(table).execute();
}

/** What was orphaned before there was a list belongs on it. It is not known when it was: its beginning is the earliest it can be. */
async function listOrphans(db: Kysely<Schema>): Promise<void> {
  await db
    .insertInto('revocations')
    .columns(['serial', 'not_after', 'reason', 'revoked_at', 'change', 'dropped'])
    .expression(
      db
        .selectFrom('certificates')
        .select([
          'serial',
          'not_after',
          sql.lit('superseded' as const).as('reason'),
          'not_before',
          sql.lit(1).as('change'),
          sql.lit(0).as('dropped'),
        ])
        .where('state', '=', 'orphaned'),
    )
    .execute();
}
