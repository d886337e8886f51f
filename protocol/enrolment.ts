import { z } from 'zod';

import { fromBase64Url, isBase64Url } from '#core/bytes.ts';

import { ekFingerprintHex, nodeName, poolName } from './fields.ts';

const PEM_CERTIFICATE = /^-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----\s*$/;

/** One certificate as base64url DER or as one PEM block; parsed to the DER. Nothing of the certificate itself is checked. */
const certificate = z
  .string()
  .min(1)
  .max(12_000)
  .transform((text, context) => {
    if (isBase64Url(text)) return fromBase64Url(text);
    const body = PEM_CERTIFICATE.exec(text)?.[1];
    if (body !== undefined) return new Uint8Array(Buffer.from(body, 'base64'));
    context.addIssue({ code: 'custom', message: 'neither base64url DER nor one PEM certificate' });
    return z.NEVER;
  });

const nodeEnrolment = z
  .strictObject({
    name: nodeName,
    pool: poolName,
    /** The EK's certificate, from the TPM's maker. */
    ekCertificate: certificate.optional(),
    /** SHA-256 of the EK's SubjectPublicKeyInfo, for a TPM without a certificate. */
    ekPublicHash: ekFingerprintHex.optional(),
  })
  .refine((node) => (node.ekCertificate === undefined) !== (node.ekPublicHash === undefined), {
    message: 'either ekCertificate or ekPublicHash',
  });

/** Nodes that one enrolment may name. */
export const ENROLMENT_MAX = 5_000;

/** `POST /v1/enrolments`, as the service reads it: all of the nodes or none. */
export const enrolmentRequestSchema = z.strictObject({
  nodes: z.array(nodeEnrolment).min(1).max(ENROLMENT_MAX),
  /** Check everything, change nothing. */
  dryRun: z.boolean().default(false),
});
export type EnrolmentRequest = z.output<typeof enrolmentRequestSchema>;
export type EnrolmentRequestBody = z.input<typeof enrolmentRequestSchema>;

/** The answer: `201` when the nodes are enrolled, `200` when it was a dry run. */
export const enrolmentResponseSchema = z.object({
  dryRun: z.boolean(),
  nodes: z.array(
    z.object({
      /** Absent in a dry run: no node was made. */
      id: z.string().optional(),
      name: z.string(),
      pool: z.string(),
      ekFingerprint: z.string(),
    }),
  ),
});
export type EnrolmentResponse = z.output<typeof enrolmentResponseSchema>;
export type EnrolmentResponseBody = z.input<typeof enrolmentResponseSchema>;
