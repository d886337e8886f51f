import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { Schema } from '../schema.ts';

/** The newest audit records of one type, found without reading the others. */
export function auditByTypeMigration(): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      await db.schema.createIndex('audit_records_type').on('audit_records').columns(['type', 'sequence']).execute();
    },
  };
}
