import type { Connectivity, NodeRecord, ProtectionRating } from '#core/node-record.ts';
import type { NodeSummary } from '#protocol/inventory.ts';

/** What was heard of a node. */
export interface HeardOf {
  readonly connectivity: Connectivity;
  readonly connectivitySince: Date | undefined;
  readonly lastHeartbeatAt: Date | undefined;
  readonly agentVersion: string | undefined;
}

/**
 * A node as the inventory's readers see it. `rating` is its pool's in the policy in force, undefined where that has no such pool. Without
 * `heard` nothing is said of its connectivity.
 */
export function renderNode(node: NodeRecord, rating: ProtectionRating | undefined, heard?: HeardOf): NodeSummary {
  const { lastJoinAt, lastAddress } = node;
  return {
    id: node.id,
    name: node.name,
    pool: node.pool,
    ...(rating === undefined ? {} : { protectionRating: rating }),
    state: node.state,
    ekFingerprint: node.ekFingerprint,
    hasEkCertificate: node.ekCertificate !== undefined,
    enrolledAt: node.enrolledAt.toISOString(),
    enrolledBy: node.enrolledBy,
    ...(lastJoinAt === undefined ? {} : { lastJoinAt: lastJoinAt.toISOString() }),
    ...(lastAddress === undefined ? {} : { lastAddress }),
    ...(heard === undefined ? {} : renderHeard(heard)),
  };
}

function renderHeard({
  connectivity,
  connectivitySince,
  lastHeartbeatAt,
  agentVersion,
}: HeardOf): Partial<NodeSummary> {
  return {
    connectivity,
    ...(connectivitySince === undefined ? {} : { connectivitySince: connectivitySince.toISOString() }),
    ...(lastHeartbeatAt === undefined ? {} : { lastHeartbeatAt: lastHeartbeatAt.toISOString() }),
    ...(agentVersion === undefined ? {} : { agentVersion }),
  };
}
