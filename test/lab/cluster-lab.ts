import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import type { NodeState, ProtectionRating } from '#core/node-record.ts';
import { keepCluster, type KeptCluster } from '#services/compose/keep-cluster.ts';
import { pauseUntil } from '#services/compose/monotonic.ts';
import { openKubeconfigClient } from '#services/kubernetes/cluster/kubeconfig-client.ts';
import type { NodeControllerOptions } from '#services/kubernetes/node-controller/node-controller.ts';
import { ApiServerDouble } from '#test/fakes/api-server-double.ts';
import { type MemoryStore, memoryStore } from '#test/fakes/memory-store.ts';
import { silentLog } from '#test/fakes/silent-log.ts';

import { labNodeCa } from './node-ca.ts';
import { certificatePem, labServerIdentity } from './service-pki.ts';
import { labEnrolment, labEvent, labNodeId, labNodeName, NOON } from './store-values.ts';

/** An API server's double and a service's store, with controllers that a test starts and stops. */
export interface ClusterLab extends AsyncDisposable {
  readonly api: ApiServerDouble;
  readonly store: MemoryStore;
  readonly kubeconfig: string;
  /** Leases that were told of, by node. */
  readonly leases: Map<string, Date>;
  /** Every node's, by the policy. */
  readonly rating: { of: ProtectionRating | undefined };
  /** Whether the controllers' process leads. */
  readonly leads: { now: boolean };
  readonly start: (options?: Partial<NodeControllerOptions>) => Promise<KeptCluster>;
  /** The nth node, enrolled and in this state; with a record, as every change has. */
  readonly put: (n: number, state: NodeState) => Promise<string>;
}

/** A kubeconfig with a token. */
export const kubeconfigText = (server: string, caPem: string, user: object, cluster: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'lab',
        cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64'), ...cluster },
      },
    ],
    users: [{ name: 'controller', user }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'controller' } }],
    'current-context': 'lab',
  });

/** With a kubeconfig, controllers work on the cluster that it names and the double is idle. */
export async function clusterLab(given: { readonly kubeconfig?: string } = {}): Promise<ClusterLab> {
  await using undo = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'muster-cluster-'));
  undo.defer(() => rmSync(folder, { recursive: true, force: true }));
  const ca = await labNodeCa({ now: systemClock() });
  const api = undo.use(await ApiServerDouble.start(await labServerIdentity(ca.management)));
  const kubeconfig = given.kubeconfig ?? join(folder, 'kubeconfig');
  if (given.kubeconfig === undefined)
    writeFileSync(kubeconfig, kubeconfigText(api.url, certificatePem(ca.management.certificate), { token: 'lab' }), {
      mode: 0o600,
    });
  const store = memoryStore();
  const rating: { of: ProtectionRating | undefined } = { of: 'protected' };
  const leads = { now: true };
  const leases = new Map<string, Date>();
  const enrolled = new Set<number>();
  const running = new AsyncDisposableStack();
  undo.use(running);
  const lab = undo.move();
  return {
    api,
    store,
    kubeconfig,
    leads,
    leases,
    rating,
    start: async (options = {}) =>
      running.use(
        keepCluster({
          client: await openKubeconfigClient(kubeconfig),
          store,
          contacts: { leaseSeen: (name, at) => leases.set(name, at) },
          leads: () => leads.now,
          ratingOf: () => rating.of,
          unmanaged: ['control-plane-1'],
          options: { deletePods: 'barred', deleteNode: 'never', createNodes: false, ...options },
          now: systemClock,
          elapsedMs: () => performance.now(),
          pause: (ms, stop) => pauseUntil(Math.min(ms, 50), stop),
          random: systemRandom,
          log: silentLog,
        }),
      ),
    put: async (n, state) => {
      const name = labNodeName(n);
      if (!enrolled.has(n)) {
        await store.enrolNodes([labEnrolment(n)], 'admin:lab', NOON, [labEvent({ nodeName: name })]);
        enrolled.add(n);
      }
      store.setNodeState(labNodeId(n), state);
      await store.appendAudit(labEvent({ nodeName: name }));
      return name;
    },
    [Symbol.asyncDispose]: () => lab.disposeAsync(),
  };
}
