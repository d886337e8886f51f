import { z } from 'zod';

import { binary, binaryOf, nodeName, sha256Hex, timestamp } from './fields.ts';

/** PCR banks that a policy may name. SHA-1 is not among them. */
export const pcrBank = z.enum(['sha256', 'sha384']);
export type PcrBank = z.output<typeof pcrBank>;

const tpm2Attester = z.strictObject({
  kind: z.literal('tpm2-quote'),
  /** TPMT_PUBLIC. A hint until residency is verified. */
  ekPublic: binary(1_024),
  /** DER, the EK's first, then its issuers. Unverified. */
  ekCertificates: z.array(binary(8_192)).max(5),
  /** TPMT_PUBLIC. */
  akPublic: binary(1_024),
});

const signedMeasurementsAttester = z.strictObject({
  kind: z.literal('signed-measurements'),
  /** SHA-256 of the enrolled key's SPKI. */
  keyId: sha256Hex,
});

/** `POST /v1/challenges`, as the service reads it. */
export const challengeRequestSchema = z.strictObject({
  /** What the node says its name is. Trusted only once the enrolment record has tied it to an EK. */
  nodeName,
  attester: z.discriminatedUnion('kind', [tpm2Attester, signedMeasurementsAttester]),
});
export type ChallengeRequest = z.output<typeof challengeRequestSchema>;
export type ChallengeRequestBody = z.input<typeof challengeRequestSchema>;

const pcrSelection = z.array(z.object({ hash: pcrBank, pcrs: z.array(z.int().min(0).max(23)) }));

const tpm2Challenge = z.object({
  kind: z.literal('tpm2-quote'),
  /** TPM2B_ID_OBJECT. */
  credentialBlob: binary(1_024),
  /** TPM2B_ENCRYPTED_SECRET. */
  encryptedSecret: binary(1_024),
  pcrSelection,
  logs: z.array(z.string()),
});

const signedMeasurementsChallenge = z.object({ kind: z.literal('signed-measurements') });

/** The answer to `POST /v1/challenges`, as an attester reads it: tolerant of members it does not know. */
export const challengeResponseSchema = z.object({
  ticket: z.string().min(1).max(24_000),
  expiresAt: timestamp,
  nonce: binaryOf(32),
  attester: z.discriminatedUnion('kind', [tpm2Challenge, signedMeasurementsChallenge]),
  callback: z.object({ port: z.int().min(1).max(65_535) }).optional(),
});
export type ChallengeResponse = z.output<typeof challengeResponseSchema>;
export type ChallengeResponseBody = z.input<typeof challengeResponseSchema>;
