import type { AuditEvent } from '#core/audit-record.ts';
import type { NodeId, NodeName, PoolName } from '#core/ids.ts';
import type { Connectivity, NodeRecord, NodeState } from '#core/node-record.ts';

/** What was last heard of one node, by its heartbeats and by its lease in the cluster. */
export interface NodeContact {
  readonly lastHeartbeatAt: Date | undefined;
  /** The renewTime of the node's Lease, as the cluster told it. */
  readonly lastLeaseAt: Date | undefined;
  readonly connectivity: Connectivity;
  /** When it last changed; undefined for a node never seen. */
  readonly connectivitySince: Date | undefined;
  /** The kernel's name for the node's boot, as the node claims it, and when it was first heard. */
  readonly bootId: string | undefined;
  readonly bootSeenAt: Date | undefined;
  /** Changes of `bootId` heard, the first one included. */
  readonly bootsSeen: number;
  readonly agentVersion: string | undefined;
  /** The node's clock less the service's, when its last heartbeat came. */
  readonly clockOffsetMs: number | undefined;
  /** When an administrator last asked that the node join again at once. */
  readonly renewRequestedAt: Date | undefined;
}

/** Nothing was heard of it. */
export const NEVER_SEEN: NodeContact = Object.freeze({
  lastHeartbeatAt: undefined,
  lastLeaseAt: undefined,
  connectivity: 'never-seen',
  connectivitySince: undefined,
  bootId: undefined,
  bootSeenAt: undefined,
  bootsSeen: 0,
  agentVersion: undefined,
  clockOffsetMs: undefined,
  renewRequestedAt: undefined,
});

/** A node that is not retired, and what was heard of it. */
export interface KnownContact {
  readonly nodeId: NodeId;
  readonly name: NodeName;
  readonly contact: NodeContact;
  /** Of the last change to it: above that of every change to any contact before. */
  readonly revision: number;
}

/** What changed about one node since it was last recorded. */
export interface ContactChange {
  readonly nodeId: NodeId;
  readonly contact: Omit<NodeContact, 'renewRequestedAt'>;
  /** The revision that it was made from, 0 for none: it is not recorded over another. Undefined: over whatever there is. */
  readonly basis?: number | undefined;
  /** Where it was heard from, and when; undefined where that is on record. */
  readonly address: { readonly address: string; readonly at: Date } | undefined;
  /** What the audit log is told. Empty: nothing but the time of the last contact changed, and `contact.connectivity` is on record. */
  readonly events: readonly AuditEvent[];
}

/**
 * What became of a change. `recorded`: it is the contact's newest. `stale`: another process changed the contact since, and nothing was recorded.
 * `gone`: the node is retired or unknown.
 */
export type ContactRecorded =
  | { readonly outcome: 'recorded'; readonly revision: number }
  | { readonly outcome: 'stale' }
  | { readonly outcome: 'gone' };

/** An address that a node was heard from. */
export interface AddressSeen {
  readonly address: string;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

/** Which nodes. A member that is undefined asks for nothing; an empty `pools` for no node. */
export interface InventoryFilter {
  readonly pools?: readonly PoolName[] | undefined;
  readonly state?: NodeState | undefined;
  readonly connectivity?: Connectivity | undefined;
  /** The name begins with it. */
  readonly prefix?: string | undefined;
  /** A part of the name, the beginning of the EK's fingerprint (8 digits or more), the id, or an address it was heard from. */
  readonly text?: string | undefined;
}

/** The last node of the page before. The id counts among retired nodes only: names are unique among the others. */
export interface InventoryCursor {
  readonly name: NodeName;
  readonly id?: NodeId | undefined;
}

export interface InventoryEntry {
  readonly node: NodeRecord;
  readonly contact: NodeContact;
}

/** Addresses of one node that are kept: the latest. */
export const ADDRESSES_KEPT = 16;

export interface ContactReader {
  /** Nodes that something is recorded of, in order of id, after `after`, at most `limit`. */
  listContacts(page: { after?: NodeId | undefined; limit: number }): Promise<readonly KnownContact[]>;
  /** Those that were changed after `revision`, by whichever process, in order of it, at most `limit`. */
  listContactChanges(revision: number, limit: number): Promise<readonly KnownContact[]>;
  findContact(nodeId: NodeId): Promise<NodeContact>;
  /** Nodes in order of name, after `after`, at most `limit`. Retired ones when `filter.state` asks for them, and then no others. */
  listInventory(
    filter: InventoryFilter,
    page: { after?: InventoryCursor | undefined; limit: number },
  ): Promise<readonly InventoryEntry[]>;
  /** The latest first, at most `ADDRESSES_KEPT`. */
  listAddresses(nodeId: NodeId): Promise<readonly AddressSeen[]>;
}

export interface ContactWriter {
  /** All of them in one transaction, each with its events. Resolves to what became of each, in their order. */
  recordContacts(changes: readonly ContactChange[]): Promise<readonly ContactRecorded[]>;
  /** From now on the node's heartbeats are answered that it should join again, until it has. Resolves to false for a node that is retired or unknown. */
  requestRenewal(nodeId: NodeId, at: Date, event: AuditEvent): Promise<boolean>;
}
