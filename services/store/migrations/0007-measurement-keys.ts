import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/**
 * Nodes without a TPM, and the tokens that enrol them. The index over `ek_fingerprint` holds the measurement keys' fingerprints too, so that a
 * key of either kind is one node's.
 */
export function measurementKeysMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      await db.schema.alterTable('nodes').addColumn('measurement_key', traits.bytes).execute();
      await db.schema.alterTable('nodes').addColumn('newest_certificate', 'text').execute();
      await db.schema.alterTable('nodes').addColumn('previous_certificate', 'text').execute();
      await db.schema.alterTable('nodes').addColumn('newest_used', 'integer').execute();
      const tokens = db.schema
        .createTable('join_tokens')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('secret_hash', 'text', (c) => c.notNull())
        .addColumn('node_name', traits.orderedText, (c) => c.notNull())
        .addColumn('pool', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('created_by', 'text', (c) => c.notNull())
        .addColumn('expires_at', 'text', (c) => c.notNull())
        .addColumn('redeemed_at', 'text')
        .addColumn('redeemed_key', 'text')
        .addColumn('revoked_at', 'text')
        .addColumn('revoked_by', 'text');
      await traits.table(tokens).execute();
    },
  };
}
