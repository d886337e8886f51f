import { z } from 'zod';

import { auditRecordSchema } from './audit.ts';
import { timestamp } from './fields.ts';

/** What an administrator may do. A certificate carries exactly one, as `O=muster:<role>`. */
export const ROLES = ['viewer', 'operator', 'auditor', 'policy-author'] as const;
export type Role = (typeof ROLES)[number];

/** `GET /v1/whoami`. */
export const whoamiSchema = z.object({
  subject: z.string(),
  role: z.enum(ROLES),
  permissions: z.array(z.string()),
  certificate: z.object({ fingerprint: z.string(), notAfter: timestamp }),
});
export type Whoami = z.output<typeof whoamiSchema>;

/** One failed check of a join. */
export const denialView = z.object({
  code: z.string(),
  pcr: z.number().optional(),
  expected: z.string().optional(),
  found: z.string().optional(),
  detail: z.string().optional(),
});
export type DenialView = z.output<typeof denialView>;

/** `GET /v1/joins/{requestId}`: what the audit log says of one request to the node listener. */
export const joinViewSchema = z.object({
  requestId: z.string(),
  at: timestamp,
  /** `unfinished`: a signature was intended, and neither its success nor a refusal is on record. */
  outcome: z.enum(['issued', 'repeated', 'refused', 'unfinished']),
  /** The problem that the caller was answered with. */
  problem: z.string().nullable(),
  nodeName: z.string().nullable(),
  address: z.string().nullable(),
  denials: z.array(denialView),
  /** Values that the quote was verified to cover; null where the join did not get that far. */
  pcrs: z.object({ bank: z.string(), values: z.record(z.string(), z.string()) }).nullable(),
  serial: z.string().nullable(),
  records: z.array(auditRecordSchema),
});
export type JoinView = z.output<typeof joinViewSchema>;

/** `GET /v1/policy`: the policy in force. */
export const policyViewSchema = z.object({
  /** SHA-256 over the policy and every file it names. */
  version: z.string(),
  loadedAt: timestamp,
  /** Why the newest files were refused, while an earlier policy stays in force; null when they are the ones in force. */
  lastError: z.object({ at: timestamp, problems: z.array(z.string()) }).nullable(),
  pools: z.array(
    z.object({
      name: z.string(),
      protectionRating: z.string(),
      segments: z.array(z.string()),
      certificateTtlSeconds: z.number(),
      bank: z.string(),
      pcrs: z.array(z.number()),
      referenceValues: z.array(z.string()),
    }),
  ),
});
export type PolicyView = z.output<typeof policyViewSchema>;
