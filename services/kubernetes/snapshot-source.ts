import type { Clock } from '#core/clock.ts';
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
/** Certificates of a node that are looked at: those it may show and what was never handed out between them. */
const CERTIFICATES_READ = 24;

/**
 * Snapshots from the store. A change's number is its audit record's: there is none without a record in the same transaction, records are
 * numbered without a gap, and each names the node that it is about.
 */
export function storeSnapshotSource(store: Reader, now: Clock): SnapshotSource {
  const toNode = async (record: NodeRecord): Promise<SnapshotNode> =>
    snapshotNode(record, await store.listCertificates(record.id, CERTIFICATES_READ), now());
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
 * A node with the certificates it may show: its newest, and those before it. What was never handed out does not count. The list ends at the
 * first that was revoked or had expired by `asOf`: what is older was replaced by it, and the use of it must not be forgotten before they are.
 * So where the newest is revoked nothing is left; the node can attest again.
 */
export function snapshotNode(
  record: Pick<NodeRecord, 'name' | 'state'> & { readonly id: NodeId },
  newestFirst: readonly CertificateRecord[],
  asOf: Date,
): SnapshotNode {
  const { name, id, state } = record;
  // An intent that was revoked before its certificate was recorded has no fingerprint: it replaced nothing.
  const handedOut = newestFirst.filter(
    ({ state: standing, fingerprint }) => fingerprint !== undefined && ['issued', 'revoked'].includes(standing),
  );
  const begins = [...new Set(handedOut.map(({ notBefore }) => notBefore.getTime()))].toSorted((a, b) => b - a);
  const [newest = [], ...older] = begins.map((time) =>
    allowed(handedOut.filter(({ notBefore }) => notBefore.getTime() === time)),
  );
  const ended = older.findIndex((some) => some.every(({ notAfter }) => notAfter.getTime() + 1_000 <= asOf.getTime()));
  const previous = newest.length === 0 ? [] : older.slice(0, ended < 0 ? undefined : ended).flat();
  return { name, id, state, current: newest, previous: previous.slice(0, OLDER_MAX), uids: [] };
}

/** Beginnings in the same second, looked at: two joins of one node in one second are one too many already. */
const SAME_SECOND_MAX = 8;
/** Older certificates on the list. A kubelet follows within five minutes; a node that renews more often than this meanwhile outruns it. */
const OLDER_MAX = 8;

function allowed(certificates: readonly CertificateRecord[]): readonly AllowedCertificate[] {
  return certificates
    .flatMap(({ state, fingerprint, notAfter }) =>
      state === 'issued' && fingerprint !== undefined ? [{ fingerprint, notAfter }] : [],
    )
    .slice(0, SAME_SECOND_MAX);
}
