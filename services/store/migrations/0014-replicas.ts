import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/** What processes over one store agree on: whose turn it is to lead, the revocation lists that they serve, and what they heard of nodes. */
export function replicasMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      const terms = db.schema
        .createTable('leader_terms')
        .addColumn('id', traits.wideInteger, (c) =>
          c
            .primaryKey()
            .notNull()
            .check(sql`id = 1`),
        )
        .addColumn('term', traits.wideInteger, (c) => c.notNull());
      await traits.keyedTable(terms).execute();
      const lists = db.schema
        .createTable('crl_lists')
        .addColumn('issuer_key_id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('number', traits.wideInteger, (c) => c.notNull())
        .addColumn('this_update', 'text', (c) => c.notNull())
        .addColumn('next_update', 'text', (c) => c.notNull())
        .addColumn('through', traits.wideInteger, (c) => c.notNull())
        .addColumn('entries', traits.wideInteger, (c) => c.notNull())
        .addColumn('der', traits.bytes, (c) => c.notNull());
      await traits.table(lists).execute();
      await db.schema
        .alterTable('node_contacts')
        .addColumn('revision', traits.wideInteger, (c) => c.notNull().defaultTo(0))
        .execute();
      await db.schema.createIndex('node_contacts_revision').on('node_contacts').column('revision').execute();
    },
  };
}
