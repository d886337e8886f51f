import { AUDIT_GENESIS, type AuditRecord, auditHash } from './audit-record.ts';

/** A place in the chain: the newest record that was looked at. Sequence 0 before the first. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

/** Before the first record. */
export const AUDIT_START: AuditHead = { sequence: 0, hash: AUDIT_GENESIS };

/**
 * What is wrong at a record. `missing`: its number does not follow. `unlinked`: it does not name the hash of the record before.
 * `altered`: its own hash does not fit what it says.
 */
export interface AuditFault {
  readonly kind: 'missing' | 'unlinked' | 'altered';
  /** The number that was due. */
  readonly sequence: number;
  readonly expected: string;
  readonly found: string;
}

export type AuditVerification =
  | { readonly ok: true; readonly head: AuditHead }
  | { readonly ok: false; readonly fault: AuditFault };

/**
 * Establishes that `records` follow on `start` without a gap, each sealed over the one before and saying what it was sealed over; stops
 * at the first that does not. It does not establish that nothing was cut off at the end, nor that the whole chain was not written anew:
 * compare the head with one that was seen before.
 */
export function verifyAuditRecords(start: AuditHead, records: Iterable<AuditRecord>): AuditVerification {
  let head = start;
  for (const record of records) {
    const fault = auditFault(head, record);
    if (fault !== undefined) return { ok: false, fault };
    head = { sequence: record.sequence, hash: record.hash };
  }
  return { ok: true, head };
}

function auditFault(head: AuditHead, record: AuditRecord): AuditFault | undefined {
  const sequence = head.sequence + 1;
  if (record.sequence !== sequence) {
    return { kind: 'missing', sequence, expected: String(sequence), found: String(record.sequence) };
  }
  if (record.previousHash !== head.hash) {
    return { kind: 'unlinked', sequence, expected: head.hash, found: record.previousHash };
  }
  const hash = auditHash(record);
  return hash === record.hash ? undefined : { kind: 'altered', sequence, expected: record.hash, found: hash };
}
