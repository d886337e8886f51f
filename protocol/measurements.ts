import { z } from 'zod';

import { binaryOf, sha256Hex } from './fields.ts';

/** A line as it stands, byte for byte: no patterns. Control characters cannot be meant. */
const commandLine = z
  .string()
  .min(1)
  .max(8_192)
  .regex(/^[^\p{Cc}\u{fffd}]+$/u, 'text without control characters');

/** What a machine without a TPM says it runs. All of it is there: what a machine has none of is the digest of no bytes. */
export const measurementsSchema = z.strictObject({
  /** SHA-256 of the kernel's file. */
  kernel: sha256Hex,
  /** SHA-256 of the initial RAM disk's file. */
  initrd: sha256Hex,
  /** The kernel's command line, without a line feed at its end. */
  commandLine,
  /** SHA-256 of the agent. */
  agent: sha256Hex,
  /** SHA-256 of the machine's image, as whoever built the image wrote it down. */
  image: sha256Hex,
});
export type Measurements = z.output<typeof measurementsSchema>;

/** CoAP content format of `application/json` (RFC 7252 §12.3). */
export const JSON_CONTENT_FORMAT = 50;
/** Bytes of the JSON of one set of measurements. */
export const MEASUREMENTS_MAX_BYTES = 10_240;

/** The header of the token's JWS. There is no member in it that could name a key or where to find one. */
export const tokenHeaderSchema = z.strictObject({
  alg: z.enum(['ES256', 'ES384', 'EdDSA']),
  /** SHA-256 of the enrolled key's SubjectPublicKeyInfo, lower-case hex. */
  kid: sha256Hex,
  typ: z.literal('eat+jwt').optional(),
});
export type TokenHeader = z.output<typeof tokenHeaderSchema>;

/** The claims of the Entity Attestation Token (RFC 9711). */
export const tokenClaimsSchema = z.strictObject({
  /** The qualifying data of the join (docs/join-protocol.md §2). */
  eat_nonce: binaryOf(32),
  /** Type RAND (RFC 9711 §4.2.1): 01, then the SHA-256 of the key's SubjectPublicKeyInfo. */
  ueid: binaryOf(33),
  /** Seconds since 1970. */
  iat: z.int().min(0).max(253_402_300_799),
  /** One measurement: its CoAP content format, and the JSON of `measurementsSchema` in base64url. */
  measurements: z.tuple([
    z.tuple([
      z.literal(JSON_CONTENT_FORMAT),
      z
        .string()
        .min(1)
        .max(Math.ceil((MEASUREMENTS_MAX_BYTES * 4) / 3)),
    ]),
  ]),
  /** SHA-256 of the certificate that the node holds from its last join, lower-case hex. Absent before there is one. */
  generation: sha256Hex.optional(),
});
export type TokenClaims = z.output<typeof tokenClaimsSchema>;

const digests = z.array(sha256Hex).max(1_024).default([]);

/** What a pool accepts of signed measurements. Every list names all that is accepted: an empty one accepts nothing. */
export const signedMeasurementsPolicySchema = z.strictObject({
  kernel: digests.describe('SHA-256 of the kernels.'),
  initrd: digests.describe('SHA-256 of the initial RAM disks; `e3b0c442…b855`, of no bytes, for machines without one.'),
  commandLines: z.array(commandLine).max(1_024).default([]).describe('Whole kernel command lines, byte for byte.'),
  agent: digests.describe('SHA-256 of the agent, as `muster-agent key` prints it.'),
  image: digests.describe('SHA-256 of the images, as the machine’s image digest file states it.'),
});
export type SignedMeasurementsPolicy = z.output<typeof signedMeasurementsPolicySchema>;
