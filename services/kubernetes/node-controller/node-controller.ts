import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import { isNodeId, isNodeName, type NodeName } from '#core/ids.ts';
import type { NodeRecord, ProtectionRating } from '#core/node-record.ts';
import { clusterNodeChanged } from '#services/audit/cluster-events.ts';
import type { StoreReader } from '#services/store/store.ts';

import { ask, type ClusterClient, ClusterRefusal } from '../cluster/cluster-client.ts';
import { type ClusterNode, parseClusterNode } from '../cluster/cluster-objects.ts';
import type { ClusterObjects } from './cluster-view.ts';
import { deletePods } from './delete-pods.ts';
import {
  type ClusterAction,
  type ContainmentOptions,
  newNodeObject,
  NODE_ID_KEY,
  type NodePatch,
  planNode,
  type Standing,
} from './node-plan.ts';

export interface NodeControllerOptions extends ContainmentOptions {
  /** Makes the Node of a joined node that has none, for kubelets with `registerNode: false`. */
  readonly createNodes: boolean;
}

export interface NodeControllerDeps {
  readonly client: ClusterClient;
  readonly objects: Pick<ClusterObjects, 'node' | 'nodeSink'>;
  readonly store: Pick<StoreReader, 'findNodeByName' | 'findNode'>;
  readonly ratingOf: (node: NodeRecord) => ProtectionRating | undefined;
  /** Names that Muster does not manage. */
  readonly unmanaged: ReadonlySet<string>;
  readonly options: NodeControllerOptions;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
  readonly now: Clock;
  readonly elapsedMs: () => number;
  readonly stop: AbortSignal;
}

/** Somebody else changed the Node meanwhile: it is read again and thought over, this often before it waits its turn. */
const CONFLICTS_MAX = 3;
/** Pods come back where a controller of the cluster insists (a DaemonSet that tolerates every taint): they are looked for this often. */
const PODS_EVERY_MS = 30_000;

/**
 * Brings the Nodes of managed nodes to what the inventory says of them. It compares what is with what should be, and keeps nothing that matters: a
 * process that died half-way, or another that does the same, is of no consequence. Every write carries the resourceVersion that it was decided on.
 */
export class NodeController {
  readonly #deps: NodeControllerDeps;
  readonly #podsDeletedMs = new Map<string, number>();

  constructor(deps: NodeControllerDeps) {
    this.#deps = deps;
  }

  /** When it resolves the Node is as it should be, or nobody's that Muster manages. Rejects where it could not be brought there. */
  async reconcile(name: string): Promise<void> {
    const { objects, options } = this.#deps;
    let node = objects.node(name);
    for (let conflicts = 0; ; conflicts += 1) {
      const standing = await this.#standingOf(name, node);
      if (standing === undefined) return;
      try {
        if (node !== undefined) await this.#bringTo(standing, node);
        else if (options.createNodes && standing.state === 'joined') await this.#create(name, standing);
        return;
      } catch (error) {
        const status = error instanceof ClusterRefusal ? error.status : undefined;
        if (status !== 409 && status !== 404) throw error;
        if (conflicts === CONFLICTS_MAX) throw error;
        node = await this.#read(name);
      }
    }
  }

  /** Undefined: not ours to touch. A retired node's name is free; its Node is known by the label that it got while it was managed. */
  async #standingOf(name: string, node: ClusterNode | undefined): Promise<Standing | undefined> {
    const { store, ratingOf, unmanaged } = this.#deps;
    if (!isNodeName(name)) return undefined;
    const record =
      (await store.findNodeByName(name)) ?? (unmanaged.has(name) ? undefined : await this.#retired(name, node));
    return record === undefined ? undefined : { nodeId: record.id, state: record.state, rating: ratingOf(record) };
  }

  async #retired(name: NodeName, node: ClusterNode | undefined): Promise<NodeRecord | undefined> {
    const id = node?.labels[NODE_ID_KEY];
    if (id === undefined || !isNodeId(id)) return undefined;
    const record = await this.#deps.store.findNode(id);
    return record?.name === name && record.state === 'retired' ? record : undefined;
  }

  async #bringTo(standing: Standing, node: ClusterNode): Promise<void> {
    const { client, objects, options, stop } = this.#deps;
    const plan = planNode(standing, node, options);
    if (plan.patch !== undefined) {
      await this.#patch(node, plan.patch);
      await this.#record(node, standing, plan.actions);
    }
    if (!plan.deletePods) {
      this.#podsDeletedMs.delete(node.name);
      return;
    }
    if (this.#isTimeForPods(node.name)) {
      const pods = await deletePods(client, node.name, stop);
      this.#podsDeletedMs.set(node.name, this.#deps.elapsedMs());
      if (pods > 0) await this.#record(node, standing, ['delete-pods'], pods);
    }
    if (!plan.deleteNode) return;
    await ask(client, deletion(`/api/v1/nodes/${node.name}`, node.uid), stop);
    objects.nodeSink.remove(node);
    await this.#record(node, standing, ['delete-node']);
  }

  async #patch(node: ClusterNode, patch: NodePatch): Promise<void> {
    const { client, objects, stop } = this.#deps;
    const { resourceVersion, uid } = node;
    const metadata = { ...patch.metadata, resourceVersion, ...(uid === undefined ? {} : { uid }) };
    const body = { ...patch, metadata };
    objects.nodeSink.put(
      parseClusterNode(await ask(client, { method: 'PATCH', path: `/api/v1/nodes/${node.name}`, body }, stop)),
    );
  }

  async #create(name: string, standing: Standing): Promise<void> {
    const { client, objects, stop } = this.#deps;
    const body = newNodeObject(name, standing);
    const made = parseClusterNode(await ask(client, { method: 'POST', path: '/api/v1/nodes', body }, stop));
    objects.nodeSink.put(made);
    await this.#record(made, standing, ['create']);
  }

  /** As the server has it now; undefined where it has none. */
  async #read(name: string): Promise<ClusterNode | undefined> {
    const { client, objects, stop } = this.#deps;
    const request = { method: 'GET', path: `/api/v1/nodes/${name}` } as const;
    const { status, json } = await client.send(request, stop);
    if (status === 404) return undefined;
    if (status !== 200) throw new ClusterRefusal(request, status);
    const node = parseClusterNode(json);
    objects.nodeSink.put(node);
    return node;
  }

  #isTimeForPods(name: string): boolean {
    const before = this.#podsDeletedMs.get(name);
    return before === undefined || this.#deps.elapsedMs() - before >= PODS_EVERY_MS;
  }

  async #record(
    node: ClusterNode,
    standing: Standing,
    actions: readonly ClusterAction[],
    pods?: number,
  ): Promise<void> {
    const { appendAudit, now } = this.#deps;
    const { nodeId, state } = standing;
    await appendAudit(
      clusterNodeChanged(now(), { nodeId, nodeName: node.name, state, nodeUid: node.uid, actions, pods }),
    );
  }
}

/** A DELETE of the object with this UID, and of no later one of its name. */
const deletion = (path: string, uid: string | undefined) =>
  ({
    method: 'DELETE',
    path,
    body: { apiVersion: 'v1', kind: 'DeleteOptions', ...(uid === undefined ? {} : { preconditions: { uid } }) },
  }) as const;
