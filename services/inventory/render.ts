import type { AuditRecord } from '#core/audit-record.ts';
import type { NodeRecord, ProtectionRating } from '#core/node-record.ts';
import type { AuditRecordDocument } from '#protocol/audit.ts';
import type { CertificateSummary, NodeDetail } from '#protocol/inventory.ts';
import { renderNode } from '#services/http/render-node.ts';
import type { CertificateRecord } from '#services/store/store.ts';

/** A node with what its accepted joins have shown of its TPM. */
export function renderNodeDetail(node: NodeRecord, rating: ProtectionRating | undefined): NodeDetail['node'] {
  const { akName, bootEpoch } = node;
  return {
    ...renderNode(node, rating),
    ...(akName === undefined ? {} : { akName }),
    ...(bootEpoch === undefined ? {} : { bootEpoch: { ...bootEpoch, clockMs: bootEpoch.clockMs.toString() } }),
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
