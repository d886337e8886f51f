import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { Schema } from '../schema.ts';

/** How far each node's IMA list was proven by its last accepted join. */
export function imaProgressMigration(): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      await db.schema.alterTable('nodes').addColumn('ima_progress', 'text').execute();
    },
  };
}
