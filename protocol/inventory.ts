import { z } from 'zod';

import { auditRecordSchema } from './audit.ts';
import { timestamp } from './fields.ts';
import { connectivitySchema } from './inventory-query.ts';

/** A certificate as an administrator sees it. */
export const certificateSummarySchema = z.object({
  serial: z.string(),
  state: z.enum(['signing', 'issued', 'orphaned', 'revoked']),
  /** SHA-256 of the DER, lower-case hex; absent until it was signed. */
  fingerprint: z.string().optional(),
  notBefore: timestamp,
  notAfter: timestamp,
  /** The join it was issued for. */
  requestId: z.string(),
});
export type CertificateSummary = z.output<typeof certificateSummarySchema>;

/** One line of the node table. */
export const nodeSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  pool: z.string(),
  /** The pool's, from policy; absent where the policy no longer has the pool. */
  protectionRating: z.enum(['default', 'protected', 'highly-protected']).optional(),
  state: z.enum(['enrolled', 'pending', 'joined', 'quarantined', 'barred', 'retired']),
  ekFingerprint: z.string(),
  /** True where the node was enrolled with its EK certificate and not by hash alone. */
  hasEkCertificate: z.boolean(),
  enrolledAt: timestamp,
  enrolledBy: z.string(),
  lastJoinAt: timestamp.optional(),
  lastAddress: z.string().optional(),
  /** What its heartbeats and its lease say of the way to it; absent where the answer is about something else. */
  connectivity: connectivitySchema.optional(),
  connectivitySince: timestamp.optional(),
  lastHeartbeatAt: timestamp.optional(),
  agentVersion: z.string().optional(),
});
export type NodeSummary = z.output<typeof nodeSummarySchema>;

/** Nodes in order of name; `next` is the `after` of the next page, absent on the last. */
export const nodeListSchema = z.object({ nodes: z.array(nodeSummarySchema), next: z.string().optional() });
export type NodeList = z.output<typeof nodeListSchema>;

/** `GET /v1/nodes/{name}/certificates`: newest first, at most 100. */
export const certificateListSchema = z.object({ certificates: z.array(certificateSummarySchema) });
export type CertificateList = z.output<typeof certificateListSchema>;

/** What the newest join of a node came to, from the audit log. */
export const joinVerdictSchema = z.object({
  requestId: z.string().optional(),
  at: timestamp,
  outcome: z.enum(['issued', 'refused']),
  policyVersion: z.string().optional(),
  /** The reference values that matched. */
  referenceValues: z.string().optional(),
  problem: z.string().optional(),
  reason: z.string().optional(),
  /** Every check that failed: a PCR that is not what the reference values say, with both values. */
  denials: z.array(z.lazy(() => denialSchema)),
  advisories: z.array(z.object({ code: z.string(), detail: z.string() })),
});
export type JoinVerdict = z.output<typeof joinVerdictSchema>;

/** The cluster's own view of a node. */
export const clusterViewSchema = z.object({
  nodeUid: z.string().optional(),
  leaseRenewedAt: timestamp.optional(),
  conditions: z.array(z.object({ type: z.string(), status: z.string(), since: timestamp.optional() })),
});
export type ClusterView = z.output<typeof clusterViewSchema>;

/** `GET /v1/nodes/{name}`. */
export const nodeDetailSchema = z.object({
  node: nodeSummarySchema.extend({
    akName: z.string().optional(),
    bootEpoch: z
      .object({ resetCount: z.number().int(), restartCount: z.number().int(), clockMs: z.string() })
      .optional(),
    /** The kernel's name for the boot, as the node's heartbeats claim it; `bootsSeen` counts its changes. */
    bootId: z.string().optional(),
    bootSeenAt: timestamp.optional(),
    bootsSeen: z.number().int(),
    /** The node's clock less the service's, at its last heartbeat. */
    clockOffsetMs: z.number().int().optional(),
    lastLeaseAt: timestamp.optional(),
    /** Present until the node has joined again. */
    renewRequestedAt: timestamp.optional(),
    /** Latest first, at most 16. */
    addresses: z.array(z.object({ address: z.string(), firstSeenAt: timestamp, lastSeenAt: timestamp })),
    lastJoin: joinVerdictSchema.optional(),
    cluster: clusterViewSchema.optional(),
  }),
  /** Newest first. */
  certificates: z.array(certificateSummarySchema),
  /** The newest audit records about the node, newest first. */
  records: z.array(auditRecordSchema),
});
export type NodeDetail = z.output<typeof nodeDetailSchema>;

/** A failed check, as the audit log keeps it. */
export const denialSchema = z.object({
  code: z.string(),
  pcr: z.number().int().optional(),
  expected: z.string().optional(),
  found: z.string().optional(),
  detail: z.string().optional(),
});

/** `GET /v1/joins/{requestId}`: one request of the join protocol, from the audit log. */
export const joinDetailSchema = z.object({
  requestId: z.string(),
  /** `unfinished`: recorded as begun, and neither issued nor refused. `challenged`: only a challenge was given under this id. */
  outcome: z.enum(['issued', 'refused', 'challenged', 'unfinished']),
  nodeName: z.string().optional(),
  address: z.string().optional(),
  /** The problem's name that the caller was told, where it was refused. */
  problem: z.string().optional(),
  /** What was wrong with the ticket, the certificate request or the message itself, where no check of the evidence says it. */
  reason: z.string().optional(),
  denials: z.array(denialSchema),
  advisories: z.array(z.object({ code: z.string(), detail: z.string() })),
  /** Values by index that the quote was verified to cover, also of a refused join; absent where it did not get that far. */
  pcrs: z.object({ bank: z.string(), values: z.record(z.string(), z.string()) }).optional(),
  /** What a machine without a TPM signed, by name. */
  measurements: z.record(z.string(), z.string()).optional(),
  certificate: certificateSummarySchema.optional(),
  /** Oldest first. */
  records: z.array(auditRecordSchema),
});
export type JoinDetail = z.output<typeof joinDetailSchema>;

/** What an administrator may do. A certificate carries exactly one of them, as `O=muster:<role>`. */
export const ROLES = [
  'viewer',
  'operator',
  'auditor',
  'policy-author',
  'cluster-administrator',
  'authorizer',
  'monitor',
] as const;
export type Role = (typeof ROLES)[number];

/** `GET /v1/whoami`: the caller as the service understood its client certificate. */
export const whoamiSchema = z.object({
  subject: z.string(),
  role: z.enum(ROLES),
  permissions: z.array(z.string()),
  /** SHA-256 of the certificate's DER, lower-case hex: what the list of administrators names. */
  fingerprint: z.string(),
  notAfter: timestamp,
});
export type Whoami = z.output<typeof whoamiSchema>;

/** `GET /v1/policy`: what the running service decides by. */
export const policySummarySchema = z.object({
  /** SHA-256 over the policy file and every file that it names. */
  version: z.string(),
  loadedAt: timestamp,
  /** Why newer files were refused, while this policy stays in force. */
  lastError: z.object({ at: timestamp, problems: z.array(z.string()) }).optional(),
  pools: z.array(
    z.object({
      name: z.string(),
      protectionRating: z.string(),
      certificateTtlSeconds: z.number().int(),
      segments: z.array(z.string()),
      bank: z.string(),
      pcrs: z.array(z.number().int()),
      /** Names of the reference-value files in force. */
      referenceValues: z.array(z.string()),
    }),
  ),
});
export type PolicySummary = z.output<typeof policySummarySchema>;
