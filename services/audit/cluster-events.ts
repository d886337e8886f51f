import type { NodeId } from '#core/ids.ts';
import type { NodeState } from '#core/node-record.ts';

import type { AuditEventOf } from './catalogue.ts';

export interface ClusterNodeChange {
  readonly nodeId: NodeId;
  readonly nodeName: string;
  /** For which it was done. */
  readonly state: NodeState;
  readonly nodeUid: string | undefined;
  readonly actions: readonly string[];
  /** Deleted. */
  readonly pods: number | undefined;
}

/** The node controller changed a Node in the cluster: it is done. */
export function clusterNodeChanged(
  at: Date,
  { nodeName, ...facts }: ClusterNodeChange,
): AuditEventOf<'cluster.node-changed'> {
  return { type: 'cluster.node-changed', at, actor: 'service', nodeName, facts };
}
