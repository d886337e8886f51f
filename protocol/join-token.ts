import { z } from 'zod';

import { binary, nodeName, poolName, sha256Hex, timestamp, wholeNumber } from './fields.ts';

/** How long a join token may live, in seconds. */
export const TOKEN_TTL_SECONDS = { default: 3_600, min: 60, max: 86_400 } as const;

/** `mjt_`, the id in 16 characters of hex, `_`, and the secret: 32 bytes in base64url. */
export const JOIN_TOKEN = /^mjt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

const joinToken = z.string().max(64).regex(JOIN_TOKEN, 'not a join token');
const tokenId = z.string().regex(/^[0-9a-f]{16}$/, 'not the id of a token');

/** `POST /v1/keys`: enrols the key that a machine without a TPM signs its measurements with, by a token. */
export const keyEnrolmentSchema = z.strictObject({
  token: joinToken,
  /** DER SubjectPublicKeyInfo: P-256, P-384 or Ed25519. */
  publicKey: binary(256),
  /** Compact JWS by that key over `keyProofSchema`. */
  proof: z.string().min(1).max(2_048),
});
export type KeyEnrolment = z.output<typeof keyEnrolmentSchema>;
export type KeyEnrolmentBody = z.input<typeof keyEnrolmentSchema>;

/** What the key signs, to show that the caller holds it: for this service, with this token. */
export const keyProofSchema = z.strictObject({
  aud: z.string().max(255),
  /** SHA-256 of the token's text, lower-case hex. */
  token: sha256Hex,
});

/** The `201` answer: the same again for the same key. */
export const keyEnrolledSchema = z.object({ nodeName: z.string(), pool: z.string() });
export type KeyEnrolled = z.output<typeof keyEnrolledSchema>;

/** `POST /v1/tokens`. */
export const createTokenSchema = z.strictObject({
  name: nodeName,
  pool: poolName,
  ttlSeconds: z.int().min(TOKEN_TTL_SECONDS.min).max(TOKEN_TTL_SECONDS.max).default(TOKEN_TTL_SECONDS.default),
});
export type CreateTokenRequest = z.output<typeof createTokenSchema>;
export type CreateTokenBody = z.input<typeof createTokenSchema>;

/** A token as an administrator sees it afterwards: without its secret. */
export const tokenSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  pool: z.string(),
  state: z.enum(['open', 'redeemed', 'revoked', 'expired']),
  createdAt: timestamp,
  createdBy: z.string(),
  expiresAt: timestamp,
  /** SHA-256 of the key that it enrolled, lower-case hex. */
  redeemedKey: z.string().optional(),
});
export type TokenSummary = z.output<typeof tokenSummarySchema>;

/** The answer to `POST /v1/tokens`: the one time that the token is told. */
export const tokenCreatedSchema = tokenSummarySchema.extend({ token: z.string() });
export type TokenCreated = z.output<typeof tokenCreatedSchema>;

/** `GET /v1/tokens?limit`, newest first. */
export const tokenListQuerySchema = z.strictObject({ limit: wholeNumber(1, 1_000).default(100) });
export const tokenListSchema = z.object({ tokens: z.array(tokenSummarySchema) });
export type TokenList = z.output<typeof tokenListSchema>;

/** `POST /v1/tokens/{id}/revoke`. */
export const tokenParamsSchema = z.strictObject({ id: tokenId });
