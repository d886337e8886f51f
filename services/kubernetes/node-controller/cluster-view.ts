import type { Clock } from '#core/clock.ts';
import { isNodeName, type NodeName } from '#core/ids.ts';
import type { ClusterView } from '#protocol/inventory.ts';

import type { ClusterLease, ClusterNode } from '../cluster/cluster-objects.ts';
import type { ObjectSink } from '../cluster/follow-objects.ts';

/** A Lease older than this when it is first seen says nothing of now: a kubelet renews it every ten seconds. */
const FRESH_MS = 60_000;

/** The Nodes and their Leases as the watches told of them. While the API server is away this is what it last said. */
export class ClusterObjects {
  readonly #now: Clock;
  readonly #leaseSeen: (name: NodeName, renewedAt: Date) => void;
  readonly #nodeChanged: (name: string) => void;
  readonly #nodes = new Map<string, ClusterNode>();
  readonly #renewed = new Map<string, Date>();

  constructor(deps: {
    readonly now: Clock;
    readonly leaseSeen: (name: NodeName, renewedAt: Date) => void;
    readonly nodeChanged: (name: string) => void;
  }) {
    this.#now = deps.now;
    this.#leaseSeen = deps.leaseSeen;
    this.#nodeChanged = deps.nodeChanged;
  }

  readonly nodeSink: ObjectSink<ClusterNode> = {
    replaceAll: (nodes) => {
      const before = [...this.#nodes.keys()];
      this.#nodes.clear();
      for (const node of nodes) this.#nodes.set(node.name, node);
      for (const name of new Set([...before, ...this.#nodes.keys()])) this.#nodeChanged(name);
    },
    put: (node) => {
      this.#nodes.set(node.name, node);
      this.#nodeChanged(node.name);
    },
    remove: ({ name }) => {
      this.#nodes.delete(name);
      this.#nodeChanged(name);
    },
  };

  readonly leaseSink: ObjectSink<ClusterLease> = {
    replaceAll: (leases) => {
      const there = new Set(leases.map(({ name }) => name));
      for (const name of this.#renewed.keys()) if (!there.has(name)) this.#renewed.delete(name);
      for (const lease of leases) this.#takeLease(lease);
    },
    put: (lease) => this.#takeLease(lease),
    remove: ({ name }) => this.#renewed.delete(name),
  };

  node(name: string): ClusterNode | undefined {
    return this.#nodes.get(name);
  }

  names(): Iterable<string> {
    return this.#nodes.keys();
  }

  /** What the cluster says of the node; undefined where it says nothing. */
  view(name: string): ClusterView | undefined {
    const node = this.#nodes.get(name);
    const renewed = this.#renewed.get(name);
    if (node === undefined && renewed === undefined) return undefined;
    return {
      ...(node?.uid === undefined ? {} : { nodeUid: node.uid }),
      ...(renewed === undefined ? {} : { leaseRenewedAt: renewed.toISOString() }),
      conditions: (node?.conditions ?? []).map(({ type, status, since }) => ({ type, status, ...sinceOf(since) })),
    };
  }

  /** A renewal is news when it changed while we looked, or is recent; its time is the node's word, and never later than now. */
  #takeLease({ name, renewedAt }: ClusterLease): void {
    if (renewedAt === undefined) return;
    const before = this.#renewed.get(name);
    this.#renewed.set(name, renewedAt);
    const now = this.#now();
    const isNews =
      before === undefined ? now.getTime() - renewedAt.getTime() <= FRESH_MS : renewedAt.getTime() > before.getTime();
    if (isNews && isNodeName(name)) this.#leaseSeen(name, renewedAt > now ? now : renewedAt);
  }
}

function sinceOf(text: string | undefined): { since?: string } {
  const since = text === undefined ? undefined : new Date(text);
  return since === undefined || Number.isNaN(since.getTime()) ? {} : { since: since.toISOString() };
}
