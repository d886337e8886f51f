import { z } from 'zod';

import { pcrBank } from './challenge.ts';
import { binary, binaryOf, timestamp } from './fields.ts';

const PCR_INDEX = /^(?:[0-9]|1[0-9]|2[0-3])$/;

/** PCR values by index, lower-case hex; the digest's size is checked against the bank by the Verifier. */
const pcrValues = z.partialRecord(
  pcrBank,
  z.record(z.string().regex(PCR_INDEX), z.string().regex(/^(?:[0-9a-f]{2}){1,64}$/)),
);

/** Longest logs that a join carries. */
export const EVENT_LOG_MAX_BYTES = 1_048_576;
export const IMA_LOG_MAX_BYTES = 8_388_608;

const tpm2Quote = z.strictObject({
  kind: z.literal('tpm2-quote'),
  /** What TPM2_ActivateCredential gave back. */
  activationSecret: binaryOf(32),
  /** TPMS_ATTEST. Unverified until `verifyQuote` returns. */
  quoted: binary(1_024),
  /** TPMT_SIGNATURE over `quoted` by the AK. */
  signature: binary(1_024),
  pcrs: pcrValues,
  /** TCG PC Client event log. Event types in it are never authenticated. */
  eventLog: binary(EVENT_LOG_MAX_BYTES).optional(),
  /** IMA binary_runtime_measurements. */
  imaLog: binary(IMA_LOG_MAX_BYTES).optional(),
});

const signedMeasurements = z.strictObject({
  kind: z.literal('signed-measurements'),
  /** Compact JWS carrying an Entity Attestation Token (RFC 9711). */
  token: z.string().min(1).max(16_384),
});

export const evidenceSchema = z.discriminatedUnion('kind', [tpm2Quote, signedMeasurements]);
/** What an Attester sends. Nothing in it is believed before `verifyEvidence` returns. */
export type Evidence = z.output<typeof evidenceSchema>;
export type Tpm2Evidence = Extract<Evidence, { kind: 'tpm2-quote' }>;

/** `POST /v1/joins`, as the service reads it. */
export const joinRequestSchema = z.strictObject({
  ticket: binary(18_000),
  /** PKCS#10 DER. Only its public key and its proof of possession are used. */
  csr: binary(4_096),
  evidence: evidenceSchema,
});
export type JoinRequest = z.output<typeof joinRequestSchema>;
export type JoinRequestBody = z.input<typeof joinRequestSchema>;

const taint = z.object({
  key: z.string(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

/** The `201` answer to `POST /v1/joins`, as an attester reads it: tolerant of members it does not know. */
export const joinResponseSchema = z.object({
  node: z.object({ id: z.string(), name: z.string(), pool: z.string(), protectionRating: z.string() }),
  certificate: z.object({
    /** Leaf, then issuer. */
    chainPem: z.string().max(32_768),
    serial: z.string(),
    fingerprint: z.string(),
    notBefore: timestamp,
    notAfter: timestamp,
    renewAt: timestamp,
  }),
  kubernetes: z.object({
    apiServer: z.string(),
    caPem: z.string(),
    nodeLabels: z.record(z.string(), z.string()),
    registerWithTaints: z.array(taint),
  }),
});
export type JoinResponse = z.output<typeof joinResponseSchema>;
export type JoinResponseBody = z.input<typeof joinResponseSchema>;

/** The `202` answer: an administrator must approve the node first. */
export const joinPendingSchema = z.object({
  status: z.literal('awaiting-approval'),
  retryAfterSeconds: z.int().min(1),
});
export type JoinPending = z.output<typeof joinPendingSchema>;
