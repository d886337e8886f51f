import type { NodeId } from '#core/ids.ts';
import type { Connectivity } from '#core/node-record.ts';

import type { AddressSeen, ContactChange, NodeContact } from './contact-store.ts';
import type { NodeAddressesTable, NodeContactsTable } from './schema.ts';

/** A row of contacts beside its node's `connectivity`, as a left join gives it: all null where there is none. */
export type JoinedContact = {
  [K in Exclude<keyof NodeContactsTable, 'node_id' | 'revision'>]: NodeContactsTable[K] | null;
} & {
  connectivity: Exclude<Connectivity, 'never-seen'> | null;
};

const date = (text: string | null): Date | undefined => (text === null ? undefined : new Date(text));

/** What the row tells of the last contact. */
export function contactFromRow(row: JoinedContact): NodeContact {
  return {
    lastHeartbeatAt: date(row.last_heartbeat_at),
    lastLeaseAt: date(row.last_lease_at),
    connectivity: row.connectivity ?? 'never-seen',
    connectivitySince: date(row.connectivity_since),
    bootId: row.boot_id ?? undefined,
    bootSeenAt: date(row.boot_seen_at),
    bootsSeen: row.boots_seen ?? 0,
    agentVersion: row.agent_version ?? undefined,
    clockOffsetMs: row.clock_offset_ms ?? undefined,
    renewRequestedAt: date(row.renew_requested_at),
  };
}

/** The row of a contact; the request for renewal is another statement's. */
export function rowFromContact({ nodeId, contact }: ContactChange): Omit<
  NodeContactsTable,
  'renew_requested_at' | 'revision'
> & {
  node_id: NodeId;
} {
  return {
    node_id: nodeId,
    last_heartbeat_at: contact.lastHeartbeatAt?.toISOString() ?? null,
    last_lease_at: contact.lastLeaseAt?.toISOString() ?? null,
    connectivity_since: contact.connectivitySince?.toISOString() ?? null,
    boot_id: contact.bootId ?? null,
    boot_seen_at: contact.bootSeenAt?.toISOString() ?? null,
    boots_seen: contact.bootsSeen,
    agent_version: contact.agentVersion ?? null,
    clock_offset_ms: contact.clockOffsetMs ?? null,
  };
}

/** The address that a row tells of. */
export const addressFromRow = (row: NodeAddressesTable): AddressSeen => ({
  address: row.address,
  firstSeenAt: new Date(row.first_seen_at),
  lastSeenAt: new Date(row.last_seen_at),
});
