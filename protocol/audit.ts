import { z } from 'zod';

import type { CanonicalValue } from '#core/canonical-json.ts';

import { timestamp, wholeNumber } from './fields.ts';

const fact: z.ZodType<CanonicalValue> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number().int(), z.string(), z.array(fact), z.record(z.string(), fact)]),
);

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** One record of the audit log as it travels: everything that `auditHash` covers, and the hash. */
export const auditRecordSchema = z.object({
  sequence: z.number().int().min(1),
  previousHash: hash,
  hash,
  type: z.string(),
  at: timestamp,
  actor: z.string(),
  address: z.string().optional(),
  requestId: z.string().optional(),
  nodeName: z.string().optional(),
  facts: z.record(z.string(), fact),
});
export type AuditRecordDocument = z.output<typeof auditRecordSchema>;

/** `GET /v1/audit?after&limit`, as the service reads the query. */
export const auditQuerySchema = z.strictObject({
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: wholeNumber(1, 1_000).default(200),
});
export type AuditQuery = z.output<typeof auditQuerySchema>;

/** Records with a sequence above `after`, oldest first. */
export const auditPageSchema = z.object({ records: z.array(auditRecordSchema) });
export type AuditPage = z.output<typeof auditPageSchema>;

/** `GET /v1/audit/head`: the newest record as the log itself remembers it, apart from the records. Sequence 0 for an empty log. */
export const auditHeadSchema = z.object({ sequence: z.number().int().min(0), hash });
export type AuditHead = z.output<typeof auditHeadSchema>;
