import type { AuditRecord } from '#core/audit-record.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import type { BootEpoch, ImaProgress, MeasurementKeyRecord, NodeRecord } from '#core/node-record.ts';

import type { AuditRecordsTable, CertificatesTable, NodesTable } from './schema.ts';
import type { CertificateRecord } from './store.ts';

/** The node that a row tells of. */
export function nodeFromRow(row: NodesTable): NodeRecord {
  return {
    id: row.id,
    name: row.name,
    pool: row.pool,
    state: row.state,
    ekFingerprint: row.ek_fingerprint,
    ekCertificate: row.ek_certificate ?? undefined,
    enrolledAt: new Date(row.enrolled_at),
    enrolledBy: row.enrolled_by,
    lastJoinAt: row.last_join_at === null ? undefined : new Date(row.last_join_at),
    lastAddress: row.last_address ?? undefined,
    bootEpoch: bootEpochFromRow(row),
    akName: row.ak_name ?? undefined,
    imaProgress: imaProgressFromRow(row),
    measurementKey: measurementKeyFromRow(row),
    approval: approvalFromRow(row),
    firmwareVersion: row.firmware_version ?? undefined,
  };
}

function approvalFromRow({ approved_at: at, approved_by: by }: NodesTable): NodeRecord['approval'] {
  return at === null || by === null ? undefined : { at: new Date(at), by };
}

function measurementKeyFromRow(row: NodesTable): MeasurementKeyRecord | undefined {
  if (row.measurement_key === null) return undefined;
  return {
    spki: row.measurement_key,
    generations: {
      newest: row.newest_certificate ?? undefined,
      previous: row.previous_certificate ?? undefined,
      newestUsed: row.newest_used === 1,
    },
  };
}

function imaProgressFromRow({ ima_progress: json }: NodesTable): ImaProgress | undefined {
  if (json === null) return undefined;
  const progress: ImaProgress = JSON.parse(json);
  return progress;
}

function bootEpochFromRow(row: NodesTable): BootEpoch | undefined {
  const { reset_count: resetCount, restart_count: restartCount, clock_ms: clockMs } = row;
  if (resetCount === null || restartCount === null || clockMs === null) return undefined;
  return { resetCount, restartCount, clockMs: BigInt(clockMs) };
}

/** The certificate that a row tells of. */
export function certificateFromRow(row: CertificatesTable): CertificateRecord {
  return {
    serial: row.serial,
    nodeId: row.node_id,
    nodeName: row.node_name,
    requestId: row.request_id,
    state: row.state,
    spkiFingerprint: row.spki_fingerprint,
    notBefore: new Date(row.not_before),
    notAfter: new Date(row.not_after),
    fingerprint: row.fingerprint ?? undefined,
    der: row.der ?? undefined,
  };
}

/** The audit record that a row tells of: as it was chained, so that its hash can be worked out again. */
export function auditRecordFromRow(row: AuditRecordsTable): AuditRecord {
  const facts: AuditRecord['facts'] = JSON.parse(row.facts);
  return {
    sequence: row.sequence,
    previousHash: row.previous_hash,
    hash: row.hash,
    type: row.type,
    at: new Date(row.at),
    actor: row.actor,
    address: row.address ?? undefined,
    requestId: row.request_id ?? undefined,
    nodeName: row.node_name ?? undefined,
    facts,
  };
}

/**
 * The row of an audit record. Throws RangeError on text that a database would not give back as it was: a NUL, or half a surrogate pair.
 * In `facts` both are escaped by JSON.
 */
export function rowFromAuditRecord(record: AuditRecord): Pick<AuditRecordsTable, keyof AuditRecordsTable> {
  return {
    sequence: record.sequence,
    previous_hash: record.previousHash,
    hash: record.hash,
    type: storableText(record.type),
    at: record.at.toISOString(),
    actor: storableText(record.actor),
    address: record.address === undefined ? null : storableText(record.address),
    request_id: record.requestId === undefined ? null : storableText(record.requestId),
    node_name: record.nodeName === undefined ? null : storableText(record.nodeName),
    facts: canonicalJson(record.facts),
  };
}

function storableText(text: string): string {
  if (text.includes('\0') || !text.isWellFormed()) throw new RangeError('text with NUL or a lone surrogate');
  return text;
}
