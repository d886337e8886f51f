import { z } from 'zod';

import { isCertificateFingerprint, isSerial } from '#core/ids.ts';
import { isRevocationReason, type RevocationReason } from '#core/revocation-reason.ts';

import { nodeName, poolName, wholeNumber } from './fields.ts';
import { certificateSummarySchema, nodeSummarySchema } from './inventory.ts';

/** What an administrator may do to nodes' standing here. Approval has a way of its own: it is given to what was looked at. */
export const NODE_CHANGE_VERBS = ['quarantine', 'release', 'bar', 'unbar', 'retire'] as const;
export type NodeChangeVerb = (typeof NODE_CHANGE_VERBS)[number];

/** Nodes that one request changes at most. */
export const NODE_CHANGE_MAX = 10_000;

/** Reasons (RFC 5280 §5.3.1) that a node's certificates are revoked for: not the ones of CAs, nor a hold, which is a quarantine's. */
export const NODE_REVOCATION_REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const satisfies readonly RevocationReason[];

/** The reason, where it is one that a node's certificate is revoked for. */
export const nodeRevocationReason = (text: string): RevocationReason | undefined =>
  isRevocationReason(text) && text !== 'cACompromise' ? text : undefined;

/** For people, in the audit log: one line. */
const remark = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+$/u, 'not one line of plain text');

/** Nodes by what they have in common; every member that is given must hold. */
export const nodeSelectorSchema = z
  .strictObject({
    pool: poolName.optional(),
    state: nodeSummarySchema.shape.state.optional(),
    /** `*` stands for any characters, `?` for one. */
    name: z
      .string()
      .regex(/^[a-z0-9.*?-]{1,253}$/, 'not a node name with * and ?')
      .optional(),
  })
  .refine((selector) => Object.values(selector).some((member) => member !== undefined), 'selects by nothing');
export type NodeSelector = z.output<typeof nodeSelectorSchema>;

/** `POST /v1/node-changes`: all of the nodes or none. A fault is reported at `/nodes/<index>`. */
export const nodeChangeRequestSchema = z
  .strictObject({
    change: z.enum(NODE_CHANGE_VERBS),
    nodes: z.array(nodeName).min(1).max(NODE_CHANGE_MAX).optional(),
    selector: nodeSelectorSchema.optional(),
    /** Of `bar` and `retire`: an RFC 5280 name. */
    reason: z.string().max(64).optional(),
    text: remark.optional(),
    /** How many nodes it is about. Must be said with a selector: who asks has seen them. */
    expect: z.int().min(1).max(NODE_CHANGE_MAX).optional(),
    /** True: check everything, and change nothing. */
    dryRun: z.boolean().default(false),
  })
  .refine(
    ({ nodes, selector }) => (nodes === undefined) !== (selector === undefined),
    'exactly one of nodes and selector',
  )
  .refine(
    ({ selector, expect, dryRun }) => selector === undefined || dryRun || expect !== undefined,
    'expect is needed with a selector',
  )
  .refine(({ change, text }) => change !== 'unbar' || text !== undefined, 'text is needed: why the bar ends');
export type NodeChangeRequest = z.output<typeof nodeChangeRequestSchema>;
export type NodeChangeRequestBody = z.input<typeof nodeChangeRequestSchema>;

/** What was done, or for a dry run what would be. */
export const nodeChangeResponseSchema = z.object({
  dryRun: z.boolean(),
  change: z.enum(NODE_CHANGE_VERBS),
  nodes: z.array(
    z.object({
      name: z.string(),
      pool: z.string(),
      from: nodeSummarySchema.shape.state,
      /** Absent in a dry run, like the certificates. */
      to: nodeSummarySchema.shape.state.optional(),
      /** Serials put on the revocation list, or by a release taken off it. */
      certificates: z.array(z.string()).optional(),
    }),
  ),
});
export type NodeChangeResponse = z.output<typeof nodeChangeResponseSchema>;

/** A certificate by its serial number or by the SHA-256 of its DER, lower-case hex. */
export const certificateId = z
  .string()
  .max(64)
  .refine((text) => isSerial(text) || isCertificateFingerprint(text), 'neither a serial number nor a fingerprint');

/** A certificate, whose it is, and what the revocation list says of it. */
export const certificateDetailSchema = certificateSummarySchema.extend({
  nodeName: z.string(),
  nodeId: z.string(),
  /** SHA-256 of its key's SubjectPublicKeyInfo. */
  spkiFingerprint: z.string(),
  revocation: z.object({ reason: z.string(), revokedAt: z.iso.datetime() }).optional(),
});
export type CertificateDetail = z.output<typeof certificateDetailSchema>;

/** `GET /v1/certificates?node&state&after&limit`. */
export const certificateQuerySchema = z.strictObject({
  node: nodeName.optional(),
  state: certificateSummarySchema.shape.state.optional(),
  after: z.string().refine(isSerial, 'not a serial number').optional(),
  limit: wholeNumber(1, 1_000).default(200),
});

/** Certificates in order of serial; `next` is the `after` of the next page, absent on the last. */
export const certificatePageSchema = z.object({
  certificates: z.array(certificateDetailSchema),
  next: z.string().optional(),
});

/** `POST /v1/revocations`: one certificate, for good. Its node stays as it is, and may attest again. */
export const revocationRequestSchema = z.strictObject({
  certificate: certificateId,
  reason: z.string().max(64),
  text: remark.optional(),
});
export type RevocationRequestBody = z.input<typeof revocationRequestSchema>;
