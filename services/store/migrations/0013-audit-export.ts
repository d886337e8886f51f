import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/** How far the audit log was delivered, by destination. */
export function auditExportMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      const cursors = db.schema
        .createTable('audit_export_cursors')
        .addColumn('destination', 'text', (c) => c.primaryKey().notNull())
        .addColumn('sequence', traits.wideInteger, (c) => c.notNull())
        .addColumn('hash', 'text', (c) => c.notNull())
        .addColumn('moved_at', 'text', (c) => c.notNull());
      await traits.keyedTable(cursors).execute();
    },
  };
}
