import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { Schema } from '../schema.ts';

/** Certificates that have not expired, counted without reading the others. */
export function certificateExpiryMigration(): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      await db.schema.createIndex('certificates_expiry').on('certificates').columns(['not_after', 'state']).execute();
    },
  };
}
