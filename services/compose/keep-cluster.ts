import type { Clock } from '#core/clock.ts';
import { isNodeName, type NodeName } from '#core/ids.ts';
import type { NodeRecord, ProtectionRating } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import type { ClusterView } from '#protocol/inventory.ts';
import type { Log } from '#services/http/request-log.ts';
import type { NodeContacts } from '#services/inventory/node-contacts.ts';
import type { ClusterClient } from '#services/kubernetes/cluster/cluster-client.ts';
import { parseClusterLease, parseClusterNode } from '#services/kubernetes/cluster/cluster-objects.ts';
import { followObjects } from '#services/kubernetes/cluster/follow-objects.ts';
import { ClusterObjects } from '#services/kubernetes/node-controller/cluster-view.ts';
import { NodeController, type NodeControllerOptions } from '#services/kubernetes/node-controller/node-controller.ts';
import { NodeQueue } from '#services/kubernetes/node-controller/node-queue.ts';
import type { Store } from '#services/store/store.ts';

/** What the service knows of the cluster, and does in it, until it is disposed of. */
export interface KeptCluster extends AsyncDisposable {
  readonly view: (name: NodeName) => ClusterView | undefined;
}

export interface KeepClusterDeps {
  readonly client: ClusterClient;
  readonly store: Store;
  readonly contacts: Pick<NodeContacts, 'leaseSeen'>;
  /** Whether this process is the one that acts in the cluster. All follow it. */
  readonly leads: () => boolean;
  /** By the policy in force. */
  readonly ratingOf: (node: NodeRecord) => ProtectionRating | undefined;
  readonly unmanaged: readonly string[];
  readonly options: NodeControllerOptions;
  readonly now: Clock;
  readonly elapsedMs: () => number;
  readonly pause: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly random: RandomSource;
  readonly log: Log;
}

/** Between two looks for a change of the inventory: part of the second from a bar to the taint. */
const LOOK_EVERY_MS = 200;
/** Every node is looked at this often whether or not anything was told of it: a policy may have changed its rating. */
const RESYNC_MS = 60_000;
const RECORDS_PAGE = 1_000;
const NODES_PAGE = 1_000;

/**
 * Starts following the cluster's Nodes and Leases, and, while this process leads, bringing the Nodes of managed nodes to what the inventory says. The
 * API server need not answer: what is to be done is done when it does.
 */
export function keepCluster(deps: KeepClusterDeps): KeptCluster {
  const { client, store, contacts, leads, ratingOf, unmanaged, options, now, elapsedMs, pause, random, log } = deps;
  const ending = new AbortController();
  const stop = ending.signal;
  const queue = new NodeQueue({
    elapsedMs,
    pause,
    random,
    // What waits here when another process takes over is that one's.
    work: (name) => (leads() ? controller.reconcile(name) : Promise.resolve()),
    onFault: (name, error) =>
      log.warn({ err: error, node: name }, 'a Node could not be changed in the cluster; it is tried again'),
  });
  const objects = new ClusterObjects({
    now,
    leaseSeen: (name, renewedAt) => {
      if (leads()) contacts.leaseSeen(name, renewedAt);
    },
    nodeChanged: (name) => {
      if (leads()) queue.add(name);
    },
  });
  const controller = new NodeController({
    client,
    objects,
    store,
    ratingOf,
    unmanaged: new Set(unmanaged),
    options,
    appendAudit: (event) => store.appendAudit(event),
    now,
    elapsedMs,
    stop,
  });
  const onFault = (error: unknown): void => log.warn({ err: error }, 'the cluster cannot be followed now');
  const follow = { client, pause, random, onFault };
  const [nodes, leases] = ['/api/v1/nodes', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'] as const;
  const running = Promise.all([
    followObjects({ ...follow, path: nodes, parse: parseClusterNode, sink: objects.nodeSink }, stop),
    followObjects({ ...follow, path: leases, parse: parseClusterLease, sink: objects.leaseSink }, stop),
    followInventory(deps, { objects, queue }, stop),
    queue.run(stop),
  ]);
  return {
    view: (name) => objects.view(name),
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await running;
      client[Symbol.dispose]();
    },
  };
}

/** Has the queue look at each node of which something is on record, and now and then at all of them. */
async function followInventory(
  { store, leads, options, elapsedMs, pause, log }: KeepClusterDeps,
  { objects, queue }: { readonly objects: ClusterObjects; readonly queue: NodeQueue },
  stop: AbortSignal,
): Promise<void> {
  let after: number | undefined;
  let resyncMs = elapsedMs();
  while (!stop.aborted) {
    if (!leads()) {
      // Whoever takes over looks at everything: what was told while another process led was that one's to hear.
      after = undefined;
      resyncMs = elapsedMs();
      await pause(LOOK_EVERY_MS, stop);
      continue;
    }
    try {
      // The place in the log is taken before anything is looked at: what happens meanwhile is told again.
      after ??= (await store.auditHead()).sequence;
      if (elapsedMs() >= resyncMs) {
        resyncMs = elapsedMs() + RESYNC_MS;
        for (const name of objects.names()) queue.add(name);
        if (options.createNodes) await addJoined(store, queue);
      }
      const records = await store.readAudit(after, RECORDS_PAGE);
      after = records.at(-1)?.sequence ?? after;
      for (const { type, nodeName } of records) {
        if (nodeName !== undefined && type !== 'cluster.node-changed') queue.add(nodeName);
      }
    } catch (error) {
      // A store in doubt ends the service, and says so itself.
      if (!store.failure.aborted) log.error({ err: error }, 'the node controller cannot read the store');
    }
    await pause(LOOK_EVERY_MS, stop);
  }
}

async function addJoined(store: Store, queue: NodeQueue): Promise<void> {
  let after: NodeName | undefined;
  for (;;) {
    const page = await store.listNodes({ state: 'joined' }, { after, limit: NODES_PAGE });
    for (const { name } of page) if (isNodeName(name)) queue.add(name);
    after = page.at(-1)?.name;
    if (page.length < NODES_PAGE) return;
  }
}
