import type { Kysely } from 'kysely';

import type { NodeId } from '#core/ids.ts';
import type { Connectivity } from '#core/node-record.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { NodeAddressesTable, NodeContactsTable, Schema } from './schema.ts';

type ContactColumns = Omit<NodeContactsTable, 'renew_requested_at' | 'revision'> & { readonly revision: number };

/** Columns of `node_contacts` as they are read beside a node. */
export const CONTACT_COLUMNS = [
  'last_heartbeat_at',
  'last_lease_at',
  'connectivity_since',
  'boot_id',
  'boot_seen_at',
  'boots_seen',
  'agent_version',
  'clock_offset_ms',
  'renew_requested_at',
] as const;

const HEARD = [
  'last_heartbeat_at',
  'last_lease_at',
  'connectivity_since',
  'boot_id',
  'boot_seen_at',
  'boots_seen',
  'agent_version',
  'clock_offset_ms',
  'revision',
] as const;

/** The queries about what was heard of nodes, compiled for `db`'s dialect. */
export function contactQueries(db: Kysely<Schema>) {
  const known = db
    .selectFrom('node_contacts')
    .innerJoin('nodes', 'nodes.id', 'node_contacts.node_id')
    .select(['node_contacts.node_id', 'nodes.name', 'nodes.connectivity', 'node_contacts.revision', ...CONTACT_COLUMNS])
    .where('nodes.retired_at', 'is', null);
  const byId = known.orderBy('node_contacts.node_id');
  return {
    list: prepareQuery((p: ParameterOf<{ limit: number }>) => byId.limit(p('limit'))),
    listAfter: prepareQuery((p: ParameterOf<{ after: NodeId; limit: number }>) =>
      byId.where('node_contacts.node_id', '>', p('after')).limit(p('limit')),
    ),
    listChanges: prepareQuery((p: ParameterOf<{ revision: number; limit: number }>) =>
      known.where('node_contacts.revision', '>', p('revision')).orderBy('node_contacts.revision').limit(p('limit')),
    ),
    find: prepareQuery((p: ParameterOf<{ nodeId: NodeId }>) =>
      db
        .selectFrom('nodes')
        .leftJoin('node_contacts', 'node_contacts.node_id', 'nodes.id')
        .select(['nodes.connectivity', ...CONTACT_COLUMNS])
        .where('nodes.id', '=', p('nodeId')),
    ),
    // Whoever writes has the writers' lock: no other takes the numbers after it, and none becomes visible before a lower one.
    latestRevision: prepareQuery((_p: ParameterOf<Record<never, never>>) =>
      db.selectFrom('node_contacts').select('revision').orderBy('revision', 'desc').limit(1),
    ),
    findKept: prepareQuery((p: ParameterOf<{ nodeId: NodeId }>) =>
      db
        .selectFrom('nodes')
        .leftJoin('node_contacts', 'node_contacts.node_id', 'nodes.id')
        .select(['nodes.id', 'node_contacts.revision'])
        .where('nodes.id', '=', p('nodeId'))
        .where('nodes.retired_at', 'is', null),
    ),
    record: prepareQuery((p: ParameterOf<ContactColumns>) =>
      db
        .insertInto('node_contacts')
        .values({
          node_id: p('node_id'),
          last_heartbeat_at: p('last_heartbeat_at'),
          last_lease_at: p('last_lease_at'),
          connectivity_since: p('connectivity_since'),
          boot_id: p('boot_id'),
          boot_seen_at: p('boot_seen_at'),
          boots_seen: p('boots_seen'),
          agent_version: p('agent_version'),
          clock_offset_ms: p('clock_offset_ms'),
          revision: p('revision'),
        })
        .onConflict((conflict) =>
          conflict
            .column('node_id')
            .doUpdateSet((eb) => Object.fromEntries(HEARD.map((column) => [column, eb.ref(`excluded.${column}`)]))),
        ),
    ),
    setConnectivity: prepareQuery(
      (p: ParameterOf<{ nodeId: NodeId; connectivity: Exclude<Connectivity, 'never-seen'> | null }>) =>
        db
          .updateTable('nodes')
          .set({ connectivity: p('connectivity') })
          .where('id', '=', p('nodeId')),
    ),
    requestRenewal: prepareQuery((p: ParameterOf<{ nodeId: NodeId; at: string; revision: number }>) =>
      db
        .insertInto('node_contacts')
        .values({ node_id: p('nodeId'), boots_seen: 0, renew_requested_at: p('at'), revision: p('revision') })
        .onConflict((conflict) =>
          conflict.column('node_id').doUpdateSet((eb) => ({
            renew_requested_at: eb.ref('excluded.renew_requested_at'),
            revision: eb.ref('excluded.revision'),
          })),
        ),
    ),
    ...addressQueries(db),
  };
}

function addressQueries(db: Kysely<Schema>) {
  const latestFirst = db.selectFrom('node_addresses').orderBy('last_seen_at', 'desc').orderBy('address');
  return {
    listAddresses: prepareQuery((p: ParameterOf<{ nodeId: NodeId; limit: number }>) =>
      latestFirst.selectAll().where('node_id', '=', p('nodeId')).limit(p('limit')),
    ),
    recordAddress: prepareQuery((p: ParameterOf<Pick<NodeAddressesTable, keyof NodeAddressesTable>>) =>
      db
        .insertInto('node_addresses')
        .values({
          node_id: p('node_id'),
          address: p('address'),
          first_seen_at: p('first_seen_at'),
          last_seen_at: p('last_seen_at'),
        })
        .onConflict((conflict) =>
          conflict
            .columns(['node_id', 'address'])
            .doUpdateSet((eb) => ({ last_seen_at: eb.ref('excluded.last_seen_at') })),
        ),
    ),
    forgetAddresses: prepareQuery((p: ParameterOf<{ nodeId: NodeId; keep: number }>) =>
      db
        .deleteFrom('node_addresses')
        .where('node_id', '=', p('nodeId'))
        .where('address', 'not in', latestFirst.select('address').where('node_id', '=', p('nodeId')).limit(p('keep'))),
    ),
  };
}
