import { setTimeout as pause } from 'node:timers/promises';
import type { AuditEvent } from '#core/audit-record.ts';
import { candidateRoutes } from '#services/admin/candidate-routes.ts';
import { revocationRoutes } from '#services/admin/revocation-routes.ts';
import { adminRoutes } from '#services/admin/routes.ts';
import { tokenRoutes } from '#services/admin/token-routes.ts';
import { exportRoutes } from '#services/audit-export/routes.ts';
import { eventRoutes } from '#services/inventory/event-routes.ts';
import { joinHistoryRoutes } from '#services/inventory/join-routes.ts';
import type { NodeContacts } from '#services/inventory/node-contacts.ts';
import { referenceRoutes } from '#services/inventory/reference-routes.ts';
import { inventoryRoutes } from '#services/inventory/routes.ts';
import { kubernetesRoutes } from '#services/kubernetes/routes.ts';
import { snapshotFeed, type SnapshotFeed } from '#services/kubernetes/snapshot-feed.ts';
import { storeSnapshotSource } from '#services/kubernetes/snapshot-source.ts';

import type { KeptAuditExport } from './keep-audit-export.ts';
import type { KeptCluster } from './keep-cluster.ts';
import { elapsedMs, pauseUntil } from './monotonic.ts';
import { openApiDocument, openApiRoute } from './openapi.ts';
import type { ServiceParts } from './service-parts.ts';

/** What the administrators' listener needs of the running service besides its parts. */
export interface AdminApiNeeds {
  readonly contacts: NodeContacts;
  /** Undefined where no cluster is followed. */
  readonly cluster: Pick<KeptCluster, 'view'> | undefined;
  readonly auditExport: Pick<KeptAuditExport, 'standings'>;
  /** Aborted when the service stops: streams end with it. */
  readonly stopping: AbortSignal;
  /** The description of all routes, these among them. */
  readonly document: () => ReturnType<typeof openApiDocument>;
}

/** The administrators' routes over the store, the policy in force and the contacts. None of them is guarded by a second factor yet. */
export function adminApiOf(parts: ServiceParts, needs: AdminApiNeeds) {
  const { contacts, cluster, auditExport, stopping, document } = needs;
  const { store, now, random } = parts;
  const { policySource } = parts.material;
  const appendAudit = (event: AuditEvent) => store.appendAudit(event);
  return [
    ...adminRoutes({
      now,
      random,
      policyStatus: () => policySource.status(),
      hasPool: (pool) => policySource.status().policy.pools.has(pool),
      findNodeByName: (name) => store.findNodeByName(name),
      findNodeByEk: (ek) => store.findNodeByEk(ek),
      enrolNodes: (...enrolment) => store.enrolNodes(...enrolment),
      appendAudit: (event) => store.appendAudit(event),
    }),
    ...candidateRoutes({
      now,
      random,
      policy: () => policySource.status().policy,
      hasPool: (pool) => policySource.status().policy.pools.has(pool),
      findNode: (id) => store.findNode(id),
      listCandidates: (at, limit) => store.listCandidates(at, limit),
      findCandidate: (id, at) => store.findCandidate(id, at),
      approveCandidate: (...approval) => store.approveCandidate(...approval),
      refuseCandidate: (...refusal) => store.refuseCandidate(...refusal),
    }),
    ...tokenRoutes({
      now,
      random,
      hasPool: (pool) => policySource.status().policy.pools.has(pool),
      findNodeByName: (name) => store.findNodeByName(name),
      tokens: store,
    }),
    ...joinHistoryRoutes({ now, store, policy: () => policySource.status().policy }),
    ...referenceRoutes({
      now,
      store,
      policy: () => policySource.status().policy,
      retire: (names) => policySource.retire(names),
      appendAudit,
    }),
    ...inventoryRoutes({
      now,
      store,
      policy: () => policySource.status().policy,
      contacts,
      clusterView: (name) => cluster?.view(name),
    }),
    ...exportRoutes(auditExport),
    ...eventRoutes({ store, pause: pauseUntil, elapsedMs, stopping }),
    ...revocationRoutes({ now, store }),
    ...kubernetesRoutes({ snapshotFeed: snapshotFeedOf(parts) }),
    openApiRoute(document),
  ];
}

function snapshotFeedOf({ config, material, store, now }: ServiceParts): SnapshotFeed | undefined {
  const { snapshotKey: key } = material;
  if (key === undefined) return undefined;
  const unmanaged = config.snapshot?.unmanagedNodes ?? [];
  return snapshotFeed({ source: storeSnapshotSource(store, now), key, unmanaged, now, pause });
}
