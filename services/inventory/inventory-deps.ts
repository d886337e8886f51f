import type { Policy } from '#attestation/evidence-policy.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { NodeName } from '#core/ids.ts';
import type { ProtectionRating } from '#core/node-record.ts';
import type { ClusterView } from '#protocol/inventory.ts';
import type { NodeFilterQuery } from '#protocol/inventory-query.ts';
import type { ContactReader, ContactWriter, InventoryFilter } from '#services/store/contact-store.ts';
import type { StoreReader } from '#services/store/store.ts';

import type { NodeContacts } from './node-contacts.ts';

export interface InventoryRoutesDeps {
  readonly now: Clock;
  readonly store: StoreReader &
    ContactReader &
    Pick<ContactWriter, 'requestRenewal'> & { readonly appendAudit: (event: AuditEvent) => Promise<unknown> };
  /** The policy in force. */
  readonly policy: () => Policy;
  /** What is newer than the store's. */
  readonly contacts: Pick<NodeContacts, 'of' | 'renewalRequested'>;
  /** What the cluster says of a node; undefined where it is not known. */
  readonly clusterView: (name: NodeName) => ClusterView | undefined;
}

/** The rating of a pool by the policy in force; undefined where that has no such pool. */
export const ratingOf = (node: { readonly pool: string }, policy: Policy): ProtectionRating | undefined =>
  [...policy.pools.values()].find(({ pool }) => pool === node.pool)?.protectionRating;

/** A query's filter in the store's terms: a rating is the pools that have it. */
export function inventoryFilter(query: NodeFilterQuery, policy: Policy): InventoryFilter {
  const { pool, rating, state, connectivity, prefix, text } = query;
  const rated = [...policy.pools.values()].filter(({ protectionRating }) => protectionRating === rating);
  const ofRating = rating === undefined ? undefined : rated.map((candidate) => candidate.pool);
  const pools = pool === undefined ? ofRating : (ofRating ?? [pool]).filter((candidate) => candidate === pool);
  return { pools, state, connectivity, prefix, text };
}
