import { z } from 'zod';

import { nodeName, poolName, timestamp } from './fields.ts';

export const nodeState = z.enum(['enrolled', 'pending', 'joined', 'quarantined', 'barred', 'retired']);

/** A whole number in a query string. */
const count = (max: number) =>
  z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,15})$/, 'a whole number')
    .transform(Number)
    .refine((value) => Number.isSafeInteger(value) && value <= max, `at most ${max}`);

const pageLimit = count(500)
  .refine((value) => value >= 1, 'at least 1')
  .default(100);

/** `GET /v1/nodes`: the query string. */
export const nodesQuerySchema = z.strictObject({
  pool: poolName.optional(),
  state: nodeState.optional(),
  limit: pageLimit,
  /** `nextCursor` of the page before. */
  cursor: nodeName.optional(),
});
export type NodesQuery = z.output<typeof nodesQuerySchema>;

/** One node, as readers of the inventory see it: tolerant of members it does not know. */
export const nodeViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  pool: z.string(),
  state: nodeState,
  /** From the pool's policy; null where the present policy has no such pool: such a node cannot join. */
  protectionRating: z.string().nullable(),
  ekFingerprint: z.string(),
  /** DER, base64url; null where the node was enrolled by its EK's public hash. */
  ekCertificate: z.string().nullable(),
  enrolledAt: timestamp,
  enrolledBy: z.string(),
  lastJoinAt: timestamp.nullable(),
  lastAddress: z.string().nullable(),
  /** TPM Name of the last accepted attestation key, hex. */
  akName: z.string().nullable(),
  /** The TPM's counters at the last accepted join; `clockMs` is a decimal string. */
  bootEpoch: z.object({ resetCount: z.number(), restartCount: z.number(), clockMs: z.string() }).nullable(),
});
export type NodeView = z.output<typeof nodeViewSchema>;

export const nodesResponseSchema = z.object({
  nodes: z.array(nodeViewSchema),
  /** Present while there is more. */
  nextCursor: z.string().optional(),
});
export type NodesResponse = z.output<typeof nodesResponseSchema>;

export const certificateViewSchema = z.object({
  serial: z.string(),
  /** `signing` is an intent without its certificate yet; `orphaned` one whose process died before it was recorded. */
  state: z.enum(['signing', 'issued', 'orphaned', 'revoked']),
  /** SHA-256 of the DER, hex; null until it was signed. */
  fingerprint: z.string().nullable(),
  /** SHA-256 of the key's SubjectPublicKeyInfo, hex. */
  spkiFingerprint: z.string(),
  requestId: z.string(),
  notBefore: timestamp,
  notAfter: timestamp,
  /** Null until it was signed. */
  pem: z.string().nullable(),
});
export type CertificateView = z.output<typeof certificateViewSchema>;

/** `GET /v1/nodes/{name}/certificates`: newest first, at most 100. */
export const certificatesResponseSchema = z.object({ certificates: z.array(certificateViewSchema) });
export type CertificatesResponse = z.output<typeof certificatesResponseSchema>;

/** `GET /v1/audit`: the query string. */
export const auditQuerySchema = z.strictObject({
  /** Records with a greater sequence number; 0 is the beginning. */
  after: count(Number.MAX_SAFE_INTEGER).default(0),
  limit: pageLimit,
});
export type AuditQuery = z.output<typeof auditQuerySchema>;

/** `GET /v1/reference-values/capture`: the query string. One of the two. */
export const captureQuerySchema = z
  .strictObject({ node: nodeName.optional(), join: z.uuid().toLowerCase().optional() })
  .refine((query) => (query.node === undefined) !== (query.join === undefined), 'either node or join');
export type CaptureQuery = z.output<typeof captureQuerySchema>;
