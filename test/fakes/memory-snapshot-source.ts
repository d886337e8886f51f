import type { NodeName } from '#core/ids.ts';
import type { SnapshotNode } from '#services/kubernetes/snapshot.ts';
import type { SnapshotSource } from '#services/kubernetes/snapshot-source.ts';

/** A source whose nodes a test puts and takes away; each time is one numbered change. */
export class MemorySnapshotSource implements SnapshotSource {
  /** Changes before this one are forgotten. */
  remembersAfter = 0;
  readonly #nodes = new Map<NodeName, SnapshotNode>();
  readonly #changes: NodeName[] = [];

  constructor(...nodes: readonly SnapshotNode[]) {
    for (const node of nodes) this.put(node);
  }

  put(node: SnapshotNode): void {
    this.#nodes.set(node.name, node);
    this.#changes.push(node.name);
  }

  remove(name: NodeName): void {
    this.#nodes.delete(name);
    this.#changes.push(name);
  }

  currentChange(): Promise<number> {
    return Promise.resolve(this.#changes.length);
  }

  changesAfter(after: number): Promise<{ change: number; names: ReadonlySet<NodeName> } | undefined> {
    const change = this.#changes.length;
    const known = after >= this.remembersAfter && after <= change;
    return Promise.resolve(known ? { change, names: new Set(this.#changes.slice(after)) } : undefined);
  }

  node(name: NodeName): Promise<SnapshotNode | undefined> {
    return Promise.resolve(this.#nodes.get(name));
  }

  async *nodes(): AsyncGenerator<SnapshotNode> {
    for (const name of [...this.#nodes.keys()].toSorted()) {
      const node = this.#nodes.get(name);
      if (node !== undefined) yield node;
    }
  }
}
