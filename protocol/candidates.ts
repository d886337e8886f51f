import { z } from 'zod';

import { isCandidateId } from '#core/ids.ts';

import { nodeName, poolName, timestamp } from './fields.ts';
import { nodeSummarySchema } from './inventory.ts';

/** Lower-case UUID of a machine that waits. */
export const candidateId = z.string().max(36).refine(isCandidateId, 'not a candidate id: lower-case UUID');

/** What a machine that waits has proven; `claimedNodeName` alone is only what it says. */
const proofSchema = z.object({
  claimedNodeName: z.string(),
  address: z.string(),
  akName: z.string(),
  ekCertificate: z
    .object({
      manufacturer: z.string(),
      model: z.string(),
      version: z.string(),
      software: z.boolean(),
      anchor: z.string(),
    })
    .optional(),
  bank: z.string(),
  pcrs: z.record(z.string(), z.string()),
  /** The reference values that matched, by name. */
  referenceValues: z.string().optional(),
  firmwareVersion: z.string(),
  boot: z
    .object({ secureBoot: z.boolean(), commandLines: z.array(z.string()), applications: z.number().int() })
    .optional(),
  /** True where the key of its request answered at its address. */
  calledBack: z.boolean(),
});

/** A machine that waits for an administrator, or that one refused. */
export const candidateSchema = z.object({
  id: z.string(),
  state: z.enum(['waiting', 'refused']),
  /** The pool that would take it. */
  pool: z.string(),
  /** The node that it is, where it was enrolled. */
  nodeName: z.string().optional(),
  ekFingerprint: z.string(),
  firstSeenAt: timestamp,
  lastSeenAt: timestamp,
  expiresAt: timestamp,
  /** Its newest join. */
  requestId: z.string(),
  /** Of what it proves now: an approval names it. */
  revision: z.number().int(),
  proof: proofSchema,
  /** What it proved otherwise when it was first seen. */
  changes: z.array(z.object({ member: z.string(), first: z.string(), latest: z.string() })),
  refusal: z.object({ by: z.string(), at: timestamp, reason: z.string() }).optional(),
});
export type CandidateSummary = z.output<typeof candidateSchema>;

/** `GET /v1/candidates`: waiting ones first, longest waiting first. */
export const candidateListSchema = z.object({ candidates: z.array(candidateSchema) });
export type CandidateList = z.output<typeof candidateListSchema>;

/** `POST /v1/candidates/{id}/approve`. */
export const candidateApprovalSchema = z.strictObject({
  /** What the administrator saw. */
  revision: z.int().min(1),
  /** The node's name: the administrator's word. Required for a machine that nobody enrolled. */
  name: nodeName.optional(),
  /** Absent: the pool that it waits for. */
  pool: poolName.optional(),
});
export type CandidateApproval = z.output<typeof candidateApprovalSchema>;
export type CandidateApprovalBody = z.input<typeof candidateApprovalSchema>;

/** The answer to an approval: the node as it is enrolled now. */
export const candidateApprovedSchema = z.object({ node: nodeSummarySchema });
export type CandidateApproved = z.output<typeof candidateApprovedSchema>;

/** `POST /v1/candidates/{id}/refuse`. */
export const candidateRefusalSchema = z.strictObject({
  /** For those who ask later. The machine is not told. */
  reason: z
    .string()
    .min(1)
    .max(500)
    .regex(/^[\x20-\x7e]+$/, 'printable ASCII on one line'),
});
export type CandidateRefusal = z.output<typeof candidateRefusalSchema>;

/** The answer to a refusal. */
export const candidateRefusedSchema = z.object({ refused: z.literal(true), expiresAt: timestamp });
export type CandidateRefused = z.output<typeof candidateRefusedSchema>;
