import type { CertificateFingerprint, NodeId, NodeName } from '#core/ids.ts';
import type { NodeState } from '#core/node-record.ts';

/** A certificate that a node may show. */
export interface AllowedCertificate {
  readonly fingerprint: CertificateFingerprint;
  /** Its last second. */
  readonly notAfter: Date;
}

/** What the authorizer knows of one managed node. */
export interface SnapshotNode {
  readonly name: NodeName;
  readonly id: NodeId;
  readonly state: NodeState;
  /** The newest certificate; several only where they began in the same second. */
  readonly current: readonly AllowedCertificate[];
  /** Those before, newest first: each is allowed until a newer one is first used, so that neither an answer lost on its way nor a kubelet that follows later locks a node out. */
  readonly previous: readonly AllowedCertificate[];
  /** UIDs of the node's Node objects, as far as they are known. */
  readonly uids: readonly string[];
}

/** What one statement of the service says. Everything in it was true at `issuedAt`. */
export interface SnapshotChange {
  /** Rises with every change that the service records; the same number means the same state. */
  readonly change: number;
  /** The change that this one continues; undefined: it is a whole snapshot. */
  readonly base: number | undefined;
  readonly issuedAt: Date;
  /** Nodes that Muster does not manage and that are let through to the next authorizer. The whole list, always. */
  readonly unmanaged: readonly string[];
  /** In a whole snapshot every managed node; otherwise those that changed. In order of name. */
  readonly nodes: readonly SnapshotNode[];
  /** Names that no managed node bears any more. In order; empty in a whole snapshot. */
  readonly gone: readonly string[];
}

/** Why a statement that is truly the service's was not taken. */
export type SnapshotRefusal = 'not-whole' | 'older' | 'gap';

/** The state that a whole snapshot and the changes after it add up to. Reading it costs the same whatever its size. */
export class Snapshot {
  readonly change: number;
  readonly issuedAt: Date;
  readonly #nodes: Map<string, SnapshotNode>;
  readonly #byUid: Map<string, SnapshotNode>;
  readonly #unmanaged: ReadonlySet<string>;

  private constructor(stated: SnapshotChange, nodes: Map<string, SnapshotNode>, byUid: Map<string, SnapshotNode>) {
    this.change = stated.change;
    this.issuedAt = stated.issuedAt;
    this.#unmanaged = new Set(stated.unmanaged);
    this.#nodes = nodes;
    this.#byUid = byUid;
  }

  /**
   * The snapshot after `stated`, or why it does not follow on `before`. A statement may repeat the present change (the service says that
   * nothing happened) and never go back, neither in number nor in time. Uses up `before`: its nodes are moved, not copied.
   */
  static apply(before: Snapshot | undefined, stated: SnapshotChange): Snapshot | SnapshotRefusal {
    if (before !== undefined && (stated.change < before.change || stated.issuedAt < before.issuedAt)) return 'older';
    if (stated.base === undefined) return Snapshot.#put(stated, new Map(), new Map());
    if (before === undefined) return 'not-whole';
    if (stated.base !== before.change) return 'gap';
    for (const name of stated.gone) before.#remove(name);
    return Snapshot.#put(stated, before.#nodes, before.#byUid);
  }

  get size(): number {
    return this.#nodes.size;
  }

  node(name: string): SnapshotNode | undefined {
    return this.#nodes.get(name);
  }

  nodeByUid(uid: string): SnapshotNode | undefined {
    return this.#byUid.get(uid);
  }

  /** True for a name on the list of exceptions that no managed node bears. */
  isUnmanaged(name: string): boolean {
    return this.#unmanaged.has(name) && !this.#nodes.has(name);
  }

  /** Fingerprints of every certificate that some node may show. */
  *fingerprints(): Generator<CertificateFingerprint> {
    for (const { current, previous } of this.#nodes.values()) {
      for (const { fingerprint } of current) yield fingerprint;
      for (const { fingerprint } of previous) yield fingerprint;
    }
  }

  static #put(stated: SnapshotChange, nodes: Map<string, SnapshotNode>, byUid: Map<string, SnapshotNode>): Snapshot {
    const after = new Snapshot(stated, nodes, byUid);
    for (const node of stated.nodes) {
      after.#remove(node.name);
      nodes.set(node.name, node);
      for (const uid of node.uids) byUid.set(uid, node);
    }
    return after;
  }

  #remove(name: string): void {
    for (const uid of this.#nodes.get(name)?.uids ?? []) this.#byUid.delete(uid);
    this.#nodes.delete(name);
  }
}
