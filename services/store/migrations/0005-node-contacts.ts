import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';

/** When and from where nodes were last heard, what that says of the way to them, and the indexes that a page of the inventory is read by. */
export function nodeContactsMigration(traits: DialectTraits): Migration {
  return {
    async up(db: Kysely<Schema>): Promise<void> {
      // Null: never seen. It stands with the node, and not with its contacts, because pages are filtered and ordered by one index.
      await db.schema
        .alterTable('nodes')
        .addColumn('connectivity', 'text', (c) => c.check(sql`connectivity in ('connected', 'late', 'lost')`))
        .execute();
      await createContacts(db, traits);
      await createAddresses(db, traits);
      await createPageIndexes(db);
    },
  };
}

async function createContacts(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('node_contacts')
    .addColumn('node_id', 'text', (c) => c.primaryKey().notNull().references('nodes.id'))
    .addColumn('last_heartbeat_at', 'text')
    .addColumn('last_lease_at', 'text')
    .addColumn('connectivity_since', 'text')
    .addColumn('boot_id', 'text')
    .addColumn('boot_seen_at', 'text')
    .addColumn('boots_seen', traits.wideInteger, (c) => c.notNull())
    .addColumn('agent_version', 'text')
    .addColumn('clock_offset_ms', traits.wideInteger)
    .addColumn('renew_requested_at', 'text');
  await traits.keyedTable(table).execute();
}

async function createAddresses(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const table = db.schema
    .createTable('node_addresses')
    .addColumn('node_id', 'text', (c) => c.notNull().references('nodes.id'))
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('first_seen_at', 'text', (c) => c.notNull())
    .addColumn('last_seen_at', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('node_addresses_key', ['node_id', 'address']);
  await traits.keyedTable(table).execute();
  await db.schema.createIndex('node_addresses_address').on('node_addresses').column('address').execute();
}

/** Each begins with what is asked for and goes on in the order of a page; the rest spares a look at rows that a second filter drops. */
async function createPageIndexes(db: Kysely<Schema>): Promise<void> {
  const indexes = {
    nodes_by_state: ['state', 'name', 'pool', 'connectivity'],
    nodes_by_pool: ['pool', 'name', 'state', 'connectivity'],
    nodes_by_connectivity: ['connectivity', 'name', 'state', 'pool'],
  } as const;
  for (const [name, columns] of Object.entries(indexes)) {
    await db.schema
      .createIndex(name)
      .on('nodes')
      .columns([...columns])
      .where(sql.ref('retired_at'), 'is', null)
      .execute();
  }
}
