import { z } from 'zod';

import { pcrBank } from './challenge.ts';
import { timestamp, wholeNumber } from './fields.ts';
import { denialSchema } from './inventory.ts';
import { bootRecordSchema, imaRecordSchema } from './recorded-boot.ts';

/** What a join's quote was verified to show, as the audit log has it. */
export const recordedEvidenceSchema = z.object({
  ekFingerprint: z.string(),
  /** Of the EK certificate whose chain was verified then; absent where none was. `anchor`: the subject it chained to. */
  ekCertificate: z
    .object({ manufacturer: z.string(), model: z.string(), software: z.boolean(), anchor: z.string() })
    .optional(),
  bank: pcrBank,
  pcrs: z.record(z.string().regex(/^(?:[0-9]|1[0-9]|2[0-3])$/), z.string()),
  /** What the event log proved; absent where none was asked for. */
  boot: bootRecordSchema.optional(),
  /** How far the IMA list was proven; absent where none was asked for. */
  ima: imaRecordSchema.optional(),
});

/** A join that ended, with what its verified evidence showed. */
export const recordedJoinSchema = z.object({
  requestId: z.string(),
  at: timestamp,
  outcome: z.enum(['issued', 'refused']),
  nodeName: z.string().optional(),
  address: z.string().optional(),
  /** The node's: at the time where a certificate was issued, today's where it was refused; absent for a machine nobody enrolled. */
  pool: z.string().optional(),
  policyVersion: z.string().optional(),
  /** What admitted it. */
  referenceValues: z.string().optional(),
  denials: z.array(denialSchema),
  /** Absent where the evidence did not verify: then there is nothing to appraise. */
  evidence: recordedEvidenceSchema.optional(),
});
export type RecordedJoin = z.output<typeof recordedJoinSchema>;

/** `GET /v1/joins?limit`: the last joins that ended, newest first. */
export const joinListQuerySchema = z.strictObject({ limit: wholeNumber(1, 1_000).default(100) });
export const joinListSchema = z.object({ joins: z.array(recordedJoinSchema) });
export type JoinList = z.output<typeof joinListSchema>;

/** One thing that a policy wants of a node, and what the node showed. */
export const factSchema = z.object({
  fact: z.string(),
  wanted: z.string().optional(),
  found: z.string().optional(),
  ok: z.boolean(),
  detail: z.string().optional(),
});
export type Fact = z.output<typeof factSchema>;

/** `GET /v1/joins/{requestId}/explanation`. */
export const joinExplanationSchema = z.object({
  join: recordedJoinSchema,
  /** As it was judged then. */
  atTheTime: z.object({ policyVersion: z.string().optional(), facts: z.array(factSchema) }),
  /** What the policy in force would say of the same evidence; `unknown` where it asks for PCRs that were not quoted. */
  today: z.object({
    policyVersion: z.string(),
    verdict: z.enum(['admitted', 'refused', 'unknown', 'not-judged']),
    facts: z.array(factSchema),
  }),
});
export type JoinExplanation = z.output<typeof joinExplanationSchema>;
