import { toHex, utf8 } from './bytes.ts';
import { type CanonicalValue, canonicalJson } from './canonical-json.ts';
import { sha256 } from './digest.ts';

/** One fact for the audit log, before it has a place in the chain. */
export interface AuditEvent {
  /** `noun.verb-in-past-tense`, from the catalogue in `services/audit/events.ts`. */
  readonly type: string;
  readonly at: Date;
  /** Who did it: `node:<name>`, `admin:<subject>`, `service`, or `anonymous`. */
  readonly actor: string;
  /** The caller's network address, where there was a caller. */
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
  /** The node it is about, where it is about one that is enrolled. */
  readonly nodeName?: string | undefined;
  readonly facts: Readonly<Record<string, CanonicalValue | undefined>>;
}

/** An event in its place: numbered from 1 without a gap, each sealed over the one before. */
export interface AuditRecord extends AuditEvent {
  readonly sequence: number;
  /** Hash of the record before, lower-case hex; 64 zeros for the first. */
  readonly previousHash: string;
  readonly hash: string;
}

/** What stands before the first record. */
export const AUDIT_GENESIS = '0'.repeat(64);

/** A place in the chain: its newest record. Sequence 0 before the first. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

/** Before the first record. */
export const AUDIT_START: AuditHead = { sequence: 0, hash: AUDIT_GENESIS };

/** SHA-256 of `auditText`, in UTF-8. */
export function auditHash(record: Omit<AuditRecord, 'hash'>): string {
  return toHex(sha256(utf8(auditText(record))));
}

/** The next record of a chain whose newest is (`sequence`, `hash`). */
export function chainAuditEvent(event: AuditEvent, head: AuditHead): AuditRecord {
  const record = { ...event, sequence: head.sequence + 1, previousHash: head.hash };
  return { ...record, hash: auditHash(record) };
}

/**
 * What a record's hash seals: the canonical JSON of everything in it but that hash. Throws RangeError on a date or a number that has no
 * canonical spelling; nothing that was sealed has one.
 */
export function auditText(record: Omit<AuditRecord, 'hash'>): string {
  const { sequence, previousHash, type, at, actor, address, requestId, nodeName, facts } = record;
  return canonicalJson({
    sequence,
    previousHash,
    type,
    at: at.toISOString(),
    actor,
    address,
    requestId,
    nodeName,
    facts,
  });
}
