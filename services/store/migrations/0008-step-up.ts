import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/** Second factors that administrators used: what is spent, and how far each key has counted. */
export function stepUpMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      const challenges = db.schema
        .createTable('step_up_challenges')
        .addColumn('challenge', 'text', (c) => c.primaryKey().notNull())
        .addColumn('expires_at', 'text', (c) => c.notNull());
      await traits.keyedTable(challenges).execute();
      const counters = db.schema
        .createTable('step_up_counters')
        .addColumn('credential', 'text', (c) => c.primaryKey().notNull())
        .addColumn('counter', traits.wideInteger, (c) => c.notNull());
      await traits.keyedTable(counters).execute();
    },
  };
}
