import type { NodeId, NodeName } from '#core/ids.ts';
import { isNodeName } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { CertificateRecord, StoreReader } from '#services/store/store.ts';

import type { AllowedCertificate, SnapshotNode } from './snapshot.ts';

/** Which nodes changed after a change, up to another. */
export interface SnapshotChanges {
  readonly change: number;
  readonly names: ReadonlySet<NodeName>;
}

/** Where snapshots are made from. A later answer is never older than an earlier one. */
export interface SnapshotSource {
  /** The number of the newest change; it survives restarts. */
  currentChange(): Promise<number>;
  /** The nodes that changed after `after`; undefined where that is too long ago, or never was. */
  changesAfter(after: number): Promise<SnapshotChanges | undefined>;
  /** The node that bears this name now, as it is now or was later than the newest change that was told of. */
  node(name: NodeName): Promise<SnapshotNode | undefined>;
  /** Every managed node, in order of name. */
  nodes(): AsyncIterable<SnapshotNode>;
}

type Reader = Pick<StoreReader, 'auditHead' | 'readAudit' | 'findNodeByName' | 'listNodes' | 'listCertificates'>;

/** Audit records looked through for one set of changes; an authorizer that missed more gets the whole snapshot. */
const CHANGES_MAX = 10_000;
const PAGE = 1_000;
/** Certificates of a node that are looked at: the newest two and what was never handed out between them. */
const CERTIFICATES_READ = 16;

/**
 * Snapshots from the store. A change's number is its audit record's: there is none without a record in the same transaction, records are
 * numbered without a gap, and each names the node that it is about.
 */
export function storeSnapshotSource(store: Reader): SnapshotSource {
  const toNode = async (record: NodeRecord): Promise<SnapshotNode> =>
    snapshotNode(record, await store.listCertificates(record.id, CERTIFICATES_READ));
  return {
    currentChange: async () => (await store.auditHead()).sequence,
    changesAfter: async (after) => {
      const { sequence: change } = await store.auditHead();
      if (after > change || change - after > CHANGES_MAX) return undefined;
      const records = after === change ? [] : await store.readAudit(after, CHANGES_MAX);
      const names = records.map(({ nodeName }) => nodeName).filter((name) => name !== undefined && isNodeName(name));
      return { change: Math.max(change, records.at(-1)?.sequence ?? 0), names: new Set(names) };
    },
    node: async (name) => {
      const record = await store.findNodeByName(name);
      return record === undefined ? undefined : toNode(record);
    },
    async *nodes() {
      let after: NodeName | undefined;
      for (;;) {
        const page = await store.listNodes({}, { after, limit: PAGE });
        for (const record of page) yield toNode(record);
        after = page.at(-1)?.name;
        if (page.length < PAGE) return;
      }
    },
  };
}

/**
 * A node with the certificates it may show: its newest, and the one before. What was never handed out does not count; where the newest is
 * revoked nothing is left, for the one before it was replaced, and the node can attest again.
 */
export function snapshotNode(
  record: Pick<NodeRecord, 'name' | 'state'> & { readonly id: NodeId },
  newestFirst: readonly CertificateRecord[],
): SnapshotNode {
  const { name, id, state } = record;
  const handedOut = newestFirst.filter((certificate) => ['issued', 'revoked'].includes(certificate.state));
  const begins = [...new Set(handedOut.map(({ notBefore }) => notBefore.getTime()))].toSorted((a, b) => b - a);
  const begunAt = (time: number | undefined) => handedOut.filter(({ notBefore }) => notBefore.getTime() === time);
  const current = allowed(begunAt(begins[0]));
  const previous = current.length === 0 ? [] : allowed(begunAt(begins[1]));
  return { name, id, state, current, previous, uids: [] };
}

/** Beginnings in the same second, looked at: two joins of one node in one second are one too many already. */
const SAME_SECOND_MAX = 8;

function allowed(certificates: readonly CertificateRecord[]): readonly AllowedCertificate[] {
  return certificates
    .flatMap(({ state, fingerprint, notAfter }) =>
      state === 'issued' && fingerprint !== undefined ? [{ fingerprint, notAfter }] : [],
    )
    .slice(0, SAME_SECOND_MAX);
}
