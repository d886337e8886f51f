import { z } from 'zod';

import { binary, ekFingerprintHex, nodeName, poolName } from './fields.ts';
import { nodeSummarySchema } from './inventory.ts';

/**
 * One node to enrol: its name, its pool, and its key: its EK by certificate or by the SHA-256 of its SubjectPublicKeyInfo, or for a machine
 * without a TPM the key that signs its measurements. Exactly one of the three.
 */
export const enrolmentSchema = z
  .strictObject({
    name: nodeName,
    pool: poolName,
    /** DER. The EK's fingerprint is computed from it; it is chained to the pool's anchors at each join, not here. */
    ekCertificate: binary(8_192).optional(),
    ekPublicHash: ekFingerprintHex.optional(),
    /** DER SubjectPublicKeyInfo: P-256, P-384 or Ed25519. */
    measurementKey: binary(256).optional(),
  })
  .refine(
    ({ ekCertificate, ekPublicHash, measurementKey }) =>
      [ekCertificate, ekPublicHash, measurementKey].filter((key) => key !== undefined).length === 1,
    'exactly one of ekCertificate, ekPublicHash and measurementKey',
  );

/** Nodes in one enrolment at most. */
export const ENROLMENT_MAX = 5_000;

/** `POST /v1/enrolments`: all of the nodes are enrolled, or none. A fault is reported at `/nodes/<index>`. */
export const enrolmentRequestSchema = z.strictObject({
  nodes: z.array(enrolmentSchema).min(1).max(ENROLMENT_MAX),
  /** True: check everything that an enrolment checks, and change nothing. */
  dryRun: z.boolean().default(false),
});
export type EnrolmentRequest = z.output<typeof enrolmentRequestSchema>;
export type EnrolmentRequestBody = z.input<typeof enrolmentRequestSchema>;

/** The answer: `201` and the new records, or `200` for a dry run with the records as they would be. */
export const enrolmentResponseSchema = z.object({
  dryRun: z.boolean(),
  nodes: z.array(nodeSummarySchema),
});
export type EnrolmentResponse = z.output<typeof enrolmentResponseSchema>;
export type EnrolmentResponseBody = z.input<typeof enrolmentResponseSchema>;
