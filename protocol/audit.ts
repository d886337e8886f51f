import { z } from 'zod';

import type { AuditRecord } from '#core/audit-record.ts';
import type { CanonicalValue } from '#core/canonical-json.ts';

import { timestamp } from './fields.ts';

const SHA256_HEX = /^[0-9a-f]{64}$/;

const canonicalValue: z.ZodType<CanonicalValue> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.int(), z.string(), z.array(canonicalValue), z.record(z.string(), canonicalValue)]),
);

/**
 * One record of the audit log. Strict: the hash covers every member that is not undefined, so a reader who dropped one could not
 * recompute it.
 */
export const auditRecordSchema = z.strictObject({
  sequence: z.int().min(1),
  previousHash: z.string().regex(SHA256_HEX),
  hash: z.string().regex(SHA256_HEX),
  type: z.string(),
  at: timestamp,
  actor: z.string(),
  address: z.string().optional(),
  requestId: z.string().optional(),
  nodeName: z.string().optional(),
  facts: z.record(z.string(), canonicalValue),
});
export type AuditRecordView = z.output<typeof auditRecordSchema>;

/** `GET /v1/audit`: oldest first. */
export const auditResponseSchema = z.object({ records: z.array(auditRecordSchema) });
export type AuditResponse = z.output<typeof auditResponseSchema>;

/** `GET /v1/audit/head`: the newest record as the log itself remembers it. */
export const auditHeadSchema = z.object({ sequence: z.int().min(0), hash: z.string().regex(SHA256_HEX) });
export type AuditHead = z.output<typeof auditHeadSchema>;

/** The record on the wire. */
export function renderAuditRecord(record: AuditRecord): AuditRecordView {
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
    facts: definedOnly(facts),
  };
}

/** The record that a view stands for: what `auditHash` is computed over, to check `hash`. */
export function parseAuditRecord(view: AuditRecordView): AuditRecord {
  return { ...view, at: new Date(view.at) };
}

function definedOnly(facts: AuditRecord['facts']): Record<string, CanonicalValue> {
  return Object.fromEntries(
    Object.entries(facts).filter((entry): entry is [string, CanonicalValue] => entry[1] !== undefined),
  );
}
