import type { AuditRecord } from '#core/audit-record.ts';
import type { NodeRecord, ProtectionRating } from '#core/node-record.ts';
import type { AuditRecordDocument } from '#protocol/audit.ts';
import type {
  CertificateSummary,
  ClusterView,
  JoinDetail,
  JoinVerdict,
  NodeDetail,
  NodeSummary,
} from '#protocol/inventory.ts';
import type { DenialFacts } from '#services/audit/evidence-facts.ts';
import { renderNode } from '#services/http/render-node.ts';
import type { AddressSeen, InventoryEntry, NodeContact } from '#services/store/contact-store.ts';
import type { CertificateRecord } from '#services/store/store.ts';

import type { NodeContacts } from './node-contacts.ts';

/** What was heard of an entry's node. The connectivity is the store's: what filters and the audit log go by, a second behind at most. */
export function newestContact({ node, contact }: InventoryEntry, contacts: Pick<NodeContacts, 'of'>): NodeContact {
  const newest = contacts.of(node.id);
  if (newest === undefined) return contact;
  const { connectivity, connectivitySince } = contact;
  return { ...newest, connectivity, connectivitySince };
}

/** A line of the inventory. */
export const renderEntry = (
  entry: InventoryEntry,
  rating: ProtectionRating | undefined,
  contacts: Pick<NodeContacts, 'of'>,
): NodeSummary => renderNode(entry.node, rating, newestContact(entry, contacts));

/** What is known of a node beside its record. */
export interface NodeFacts {
  readonly contact: NodeContact;
  readonly addresses: readonly AddressSeen[];
  readonly lastJoin: JoinVerdict | undefined;
  readonly cluster: ClusterView | undefined;
}

/** A node with what its accepted joins have shown of its TPM, and all that was heard of it. */
export function renderNodeDetail(
  node: NodeRecord,
  rating: ProtectionRating | undefined,
  { contact, addresses, lastJoin, cluster }: NodeFacts,
): NodeDetail['node'] {
  const { akName, bootEpoch, lastJoinAt } = node;
  const { bootId, bootsSeen, clockOffsetMs, renewRequestedAt: asked } = contact;
  const time = (name: string, at: Date | undefined) => (at === undefined ? {} : { [name]: at.toISOString() });
  return {
    ...renderNode(node, rating, contact),
    ...(akName === undefined ? {} : { akName }),
    ...(bootEpoch === undefined ? {} : { bootEpoch: { ...bootEpoch, clockMs: bootEpoch.clockMs.toString() } }),
    ...(bootId === undefined ? {} : { bootId }),
    ...time('bootSeenAt', contact.bootSeenAt),
    bootsSeen,
    ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
    ...time('lastLeaseAt', contact.lastLeaseAt),
    ...time('renewRequestedAt', asked !== undefined && (lastJoinAt ?? 0) < asked ? asked : undefined),
    addresses: addresses.map(({ address, firstSeenAt, lastSeenAt }) => ({
      address,
      firstSeenAt: firstSeenAt.toISOString(),
      lastSeenAt: lastSeenAt.toISOString(),
    })),
    ...(lastJoin === undefined ? {} : { lastJoin }),
    ...(cluster === undefined ? {} : { cluster }),
  };
}

export function renderCertificate(certificate: CertificateRecord): CertificateSummary {
  const { serial, state, fingerprint, notBefore, notAfter, requestId } = certificate;
  return {
    serial,
    state,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    requestId,
  };
}

/** A record with every member that its hash covers, so that a reader can recompute it. */
export function renderAuditRecord(record: AuditRecord): AuditRecordDocument {
  const { sequence, previousHash, hash, type, at, actor, address, requestId, nodeName, facts } = record;
  return {
    sequence,
    previousHash,
    hash,
    type,
    at: at.toISOString(),
    actor,
    ...(address === undefined ? {} : { address }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(nodeName === undefined ? {} : { nodeName }),
    facts: definedMembers(facts),
  };
}

function definedMembers(facts: AuditRecord['facts']): AuditRecordDocument['facts'] {
  const defined: AuditRecordDocument['facts'] = {};
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) defined[name] = value;
  return defined;
}

/** A check that failed, with what is known of it and nothing more. */
export function renderDenial({ code, pcr, expected, found, detail }: DenialFacts): JoinDetail['denials'][number] {
  return {
    code,
    ...(pcr === undefined ? {} : { pcr }),
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(detail === undefined ? {} : { detail }),
  };
}
