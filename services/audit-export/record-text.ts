import { type AuditRecord, auditText } from '#core/audit-record.ts';

/**
 * What a record's hash seals, as it was sealed: a receiver that hashes this text finds the hash, or that somebody changed the record. One
 * that was changed so that it has no such text any more is written as it stands: it is the receiver's to find, not ours to keep back.
 */
export function recordText(record: AuditRecord): string {
  try {
    return auditText(record);
  } catch {
    return JSON.stringify({ ...record, hash: undefined });
  }
}
