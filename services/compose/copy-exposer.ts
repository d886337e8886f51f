import type { HeartbeatRoutesDeps } from '#services/inventory/heartbeat-routes.ts';
import { exposeCopy, type ExposeCopyDeps } from '#services/join/expose-copy.ts';

import type { ServiceParts } from './service-parts.ts';
import type { KeptSignals } from './keep-signals.ts';

/** Copies of a measurement key that heartbeats expose, frozen as a join freezes them. */
export function copyExposer(
  { store, log }: Pick<ServiceParts, 'store' | 'log'>,
  { events }: Pick<KeptSignals, 'events'>,
): HeartbeatRoutesDeps['exposesCopy'] {
  const deps: ExposeCopyDeps = {
    showGeneration: (...shown) => store.showGeneration(...shown),
    changeNodes: (change) => store.changeNodes(change),
    appendAudit: (event) => store.appendAudit(event),
    alert: (facts, message) => {
      events.conflicted();
      log.error(facts, message);
    },
  };
  return (node, shown, occasion) => exposeCopy(deps, node, shown, occasion);
}
