import { revocationRoutes, type RevocationRoutesDeps } from '#services/admin/revocation-routes.ts';
import { candidateRoutes, type CandidateRoutesDeps } from '#services/admin/candidate-routes.ts';
import { adminRoutes, type AdminRoutesDeps } from '#services/admin/routes.ts';
import type { JoinTokenDeps } from '#services/admin/join-tokens.ts';
import { exportRoutes, type ExportRoutesDeps } from '#services/audit-export/routes.ts';
import { tokenRoutes } from '#services/admin/token-routes.ts';
import type { EventFeedDeps } from '#services/inventory/event-feed.ts';
import { eventRoutes } from '#services/inventory/event-routes.ts';
import { heartbeatRoutes, type HeartbeatRoutesDeps } from '#services/inventory/heartbeat-routes.ts';
import type { InventoryRoutesDeps } from '#services/inventory/inventory-deps.ts';
import { type JoinHistoryDeps, joinHistoryRoutes } from '#services/inventory/join-routes.ts';
import { referenceRoutes, type ReferenceRoutesDeps } from '#services/inventory/reference-routes.ts';
import { inventoryRoutes } from '#services/inventory/routes.ts';
import { keyRoutes, type KeyRoutesDeps } from '#services/join/key-routes.ts';
import { joinRoutes, type JoinRoutesDeps } from '#services/join/routes.ts';
import { kubernetesRoutes } from '#services/kubernetes/routes.ts';
import { openApiDocument, openApiRoute } from '#services/compose/openapi.ts';

/** Stands for what a route needs to run: here routes are described and never run. */
function unused<T extends object>(target: T): T {
  return new Proxy(target, {
    get: () => (): never => {
      throw new Error('described, not run');
    },
  });
}

/** `docs/openapi.json`: what the admin listener serves under `/openapi.json`. */
export function openApiPage(): string {
  const none = Object.create(null) as object;
  const nodeListener = [
    ...joinRoutes(unused(none as JoinRoutesDeps)),
    ...keyRoutes(unused(none as KeyRoutesDeps)),
    ...heartbeatRoutes(unused(none as HeartbeatRoutesDeps)),
  ];
  const document = openApiDocument(nodeListener, [
    ...adminRoutes(unused(none as AdminRoutesDeps)),
    ...candidateRoutes(unused(none as CandidateRoutesDeps)),
    ...tokenRoutes(unused(none as JoinTokenDeps)),
    ...joinHistoryRoutes(unused(none as JoinHistoryDeps)),
    ...referenceRoutes(unused(none as ReferenceRoutesDeps)),
    ...inventoryRoutes(unused(none as InventoryRoutesDeps)),
    ...exportRoutes(unused(none as ExportRoutesDeps)),
    ...eventRoutes(unused(none as EventFeedDeps)),
    ...revocationRoutes(unused(none as RevocationRoutesDeps)),
    ...kubernetesRoutes({ snapshotFeed: undefined }),
    openApiRoute(() => ({})),
  ]);
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
