import type { NodeRecord, ProtectionRating } from '#core/node-record.ts';
import type { NodeSummary } from '#protocol/inventory.ts';

/** A node as the inventory's readers see it. `rating` is its pool's in the policy in force, undefined where that has no such pool. */
export function renderNode(node: NodeRecord, rating: ProtectionRating | undefined): NodeSummary {
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
  };
}
