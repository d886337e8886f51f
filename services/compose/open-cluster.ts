import { ratingOf } from '#services/inventory/inventory-deps.ts';
import type { NodeContacts } from '#services/inventory/node-contacts.ts';
import type { Leadership } from '#services/leader/keep-leadership.ts';

import { keepCluster, type KeptCluster } from './keep-cluster.ts';
import { elapsedMs, pauseUntil } from './monotonic.ts';
import type { ServiceParts } from './service-parts.ts';

/** The cluster, where a kubeconfig says how to reach it. The client library is loaded only then. */
export async function openCluster(
  { config, material, store, log, now, random }: ServiceParts,
  { contacts, leadership }: { readonly contacts: NodeContacts; readonly leadership: Pick<Leadership, 'term'> },
): Promise<KeptCluster | undefined> {
  const { kubeconfig, controller: options } = config.kubernetes;
  if (kubeconfig === undefined) return undefined;
  const { openKubeconfigClient } = await import('#services/kubernetes/cluster/kubeconfig-client.ts');
  const client = await openKubeconfigClient(kubeconfig);
  return keepCluster({
    client,
    store,
    contacts,
    leads: () => leadership.term() !== undefined,
    ratingOf: (node) => ratingOf(node, material.policySource.status().policy),
    unmanaged: config.snapshot?.unmanagedNodes ?? [],
    options,
    now,
    elapsedMs,
    pause: pauseUntil,
    random,
    log,
  });
}
