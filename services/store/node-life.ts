import type { AuditEvent } from '#core/audit-record.ts';
import type { NodeId, NodeName, Serial } from '#core/ids.ts';
import type { NodeChange } from '#core/node-life.ts';
import type { NodeState } from '#core/node-record.ts';
import type { RevocationReason } from '#core/revocation-reason.ts';

/** One change to any number of nodes, each at most once. */
export interface NodesChange {
  readonly change: NodeChange;
  readonly at: Date;
  /** Why the certificates are revoked, where the change revokes any; undefined: the change's own reason. */
  readonly reason: RevocationReason | undefined;
  /** Each event's facts are recorded with `from`, `to` and `serials` (those put on the list or taken off it) added. */
  readonly nodes: readonly { readonly id: NodeId; readonly event: AuditEvent }[];
}

/** What became of one node. */
export interface ChangedNode {
  readonly id: NodeId;
  readonly name: NodeName;
  readonly from: NodeState;
  readonly to: NodeState;
  /** Certificates put on the revocation list by the change, or taken off it by a release. In order of serial. */
  readonly serials: readonly Serial[];
}

/** One node whose state does not allow the change. */
export interface RefusedChange {
  /** Index into the list that was given. */
  readonly index: number;
  /** Undefined: there is no such node. */
  readonly state: NodeState | undefined;
}

export type NodesChangeOutcome =
  | { readonly ok: true; readonly nodes: readonly ChangedNode[] }
  | { readonly ok: false; readonly refused: readonly RefusedChange[] };

/** Nodes' standing, changed by administrators. */
export interface NodeLifeWriter {
  /**
   * All of the nodes or none, in one transaction: states, certificates and audit records. On `ok` each went where `core/node-life.ts` says, and its
   * certificates that had not expired at `at` are on the revocation list (`bar`, `retire`: for good, also those that are being signed now;
   * `quarantine`: on hold; and what was being signed for good, for it cannot be handed out any more) or off it (`release`: the holds). RangeError
   * for a node that is named twice, and for more than 10,000.
   */
  changeNodes(change: NodesChange): Promise<NodesChangeOutcome>;
}
