import type { AuditEvent } from '#core/audit-record.ts';
import type { NodeId, NodeName } from '#core/ids.ts';
import type { Connectivity } from '#core/node-record.ts';
import { connectivityChanged } from '#services/audit/contact-events.ts';
import { type ContactChange, type KnownContact, NEVER_SEEN, type NodeContact } from '#services/store/contact-store.ts';

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
  /** The revision on record that this was made from; 0: nothing was on record. */
  basis: number;
}

/** An entry for a node that nothing is known of. */
export const newEntry = (nodeId: NodeId, name: NodeName): ContactEntry =>
  restoredEntry({ nodeId, name, contact: NEVER_SEEN, revision: 0 });

/** An entry for what the store knows of a node. */
export const restoredEntry = ({ nodeId, name, contact, revision }: KnownContact): ContactEntry => ({
  nodeId,
  name,
  contact,
  heardMs: undefined,
  address: undefined,
  recordedAddress: undefined,
  recordedConnectivity: contact.connectivity,
  events: [],
  revision: 0,
  basis: revision,
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

/**
 * Brings what another process recorded into an entry. What was heard last counts, wherever it was: here, where `isDirty` says that there is
 * something which is not on record, or there. True when it was there: the node showed a sign of life that this process did not know of.
 */
export function mergeRecorded(entry: ContactEntry, known: KnownContact, isDirty: boolean): boolean {
  const { contact: ours } = entry;
  const { contact: theirs } = known;
  const isTheirBeat = after(theirs.lastHeartbeatAt, ours.lastHeartbeatAt);
  const isNews = isTheirBeat || after(theirs.lastLeaseAt, ours.lastLeaseAt);
  const { connectivity, connectivitySince } = isNews || !isDirty ? theirs : ours;
  // The same boot, told of by the other process.
  if (theirs.bootId === ours.bootId) entry.events = [];
  const heard = isTheirBeat ? theirs : ours;
  entry.contact = {
    lastHeartbeatAt: heard.lastHeartbeatAt,
    lastLeaseAt: after(theirs.lastLeaseAt, ours.lastLeaseAt) ? theirs.lastLeaseAt : ours.lastLeaseAt,
    connectivity,
    connectivitySince,
    bootId: heard.bootId,
    bootSeenAt: theirs.bootId === heard.bootId ? theirs.bootSeenAt : heard.bootSeenAt,
    bootsSeen: theirs.bootsSeen + entry.events.length,
    agentVersion: heard.agentVersion,
    clockOffsetMs: heard.clockOffsetMs,
    renewRequestedAt: after(theirs.renewRequestedAt, ours.renewRequestedAt)
      ? theirs.renewRequestedAt
      : ours.renewRequestedAt,
  };
  entry.recordedConnectivity = theirs.connectivity;
  entry.basis = known.revision;
  return isNews;
}

const after = (a: Date | undefined, b: Date | undefined): boolean => a !== undefined && (b === undefined || a > b);
