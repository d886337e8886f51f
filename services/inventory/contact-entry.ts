import type { AuditEvent } from '#core/audit-record.ts';
import type { NodeId, NodeName } from '#core/ids.ts';
import type { Connectivity } from '#core/node-record.ts';
import { connectivityChanged } from '#services/audit/contact-events.ts';
import type { ContactChange, KnownContact, NodeContact } from '#services/store/contact-store.ts';

/** One node in memory: what was heard of it, and how much of that is on record. */
export interface ContactEntry {
  readonly nodeId: NodeId;
  name: NodeName;
  contact: NodeContact;
  /** On the monotonic clock; undefined: not since this process began. */
  heardMs: number | undefined;
  address: string | undefined;
  /** The address that is on record, and since when on the monotonic clock. */
  recordedAddress: { readonly address: string; readonly atMs: number } | undefined;
  recordedConnectivity: Connectivity;
  /** What the audit log is still to be told, its changes of connectivity apart. */
  events: readonly AuditEvent[];
  /** Counts what was heard: tells whether there is more than was recorded. */
  revision: number;
}

/** An entry for what the store knows of a node. */
export const restoredEntry = ({ nodeId, name, contact }: KnownContact): ContactEntry => ({
  nodeId,
  name,
  contact,
  heardMs: undefined,
  address: undefined,
  recordedAddress: undefined,
  recordedConnectivity: contact.connectivity,
  events: [],
  revision: 0,
});

/** An address that stays the same is recorded this often. */
const ADDRESS_AGAIN_MS = 3_600_000;

/** What is to be recorded of an entry: as it is now, whatever happened in between. */
export function changeOf(entry: ContactEntry, nowMs: number, now: Date): ContactChange {
  const { nodeId, name, contact, address, recordedAddress: before, recordedConnectivity: from } = entry;
  const { connectivity: to, connectivitySince, lastHeartbeatAt, lastLeaseAt } = contact;
  const isOnRecord = before !== undefined && before.address === address && nowMs - before.atMs < ADDRESS_AGAIN_MS;
  const changed =
    from === to
      ? []
      : [
          connectivityChanged(connectivitySince ?? now, {
            nodeId,
            nodeName: name,
            from,
            to,
            lastHeartbeatAt,
            lastLeaseAt,
          }),
        ];
  return {
    nodeId,
    contact,
    address: address === undefined || isOnRecord ? undefined : { address, at: lastHeartbeatAt ?? now },
    events: [...entry.events, ...changed],
  };
}

/** The entry after `change`, made of it at `revision`, is on record. False when there is more to record by now. */
export function markRecorded(entry: ContactEntry, change: ContactChange, revision: number, nowMs: number): boolean {
  const told = change.events.length - (entry.recordedConnectivity === change.contact.connectivity ? 0 : 1);
  entry.events = entry.events.slice(told);
  entry.recordedConnectivity = change.contact.connectivity;
  if (change.address !== undefined) entry.recordedAddress = { address: change.address.address, atMs: nowMs };
  return entry.revision === revision;
}
