import { type Bytes, concatBytes, equalBytes, fromBase64Url, fromHex, isBase64Url, toHex } from '#core/bytes.ts';
import { isCertificateFingerprint } from '#core/ids.ts';
import {
  type Measurements,
  MEASUREMENTS_MAX_BYTES,
  measurementsSchema,
  tokenClaimsSchema,
} from '#protocol/measurements.ts';

import { isDenial } from '../denial.ts';
import type { Denial, VerifiedMeasurementClaims } from '../result.ts';
import { readMeasurementKey } from './measurement-key.ts';
import { malformed, readJson, verifyJws } from './verify-jws.ts';

/** How far a token's `iat` may be from the service's clock, either way, in seconds. The nonce is what makes it fresh. */
export const IAT_WINDOW_SECONDS = 300;

/** UEID type RAND (RFC 9711 §4.2.1). */
const UEID_RAND = Uint8Array.of(1);

export interface VerifyTokenInput {
  readonly token: string;
  /** DER SubjectPublicKeyInfo of the enrolled key. Undefined where nobody enrolled the key that the challenge was for. */
  readonly spki: Bytes | undefined;
  /** What `eat_nonce` must be. */
  readonly qualifyingData: Bytes;
  readonly now: Date;
}

/**
 * The claims of an Entity Attestation Token that the enrolled key signed for this join, or the first reason why not. On return the signature,
 * the binding to service, challenge, name and certificate key, the UEID and the time are right, and every claim is known. That the measurements
 * are true, nobody but the key's holder says.
 */
export function verifyToken(input: VerifyTokenInput): VerifiedMeasurementClaims | Denial {
  const key = input.spki === undefined ? undefined : readMeasurementKey(input.spki);
  if (key === undefined) return { code: 'measurement-key-not-enrolled' };
  const payload = verifyJws(input.token, key);
  if (!(payload instanceof Uint8Array)) return payload;
  const parsed = tokenClaimsSchema.safeParse(readJson(payload));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return malformed(`claims: /${issue?.path.map(String).join('/') ?? ''}: ${issue?.message ?? ''}`.slice(0, 300));
  }
  const { eat_nonce: nonce, ueid, iat, generation } = parsed.data;
  if (!equalBytes(nonce, input.qualifyingData)) {
    return { code: 'nonce-mismatch', expected: toHex(input.qualifyingData), found: toHex(nonce) };
  }
  if (!equalBytes(ueid, concatBytes(UEID_RAND, fromHex(key.id)))) {
    return { code: 'token-ueid-mismatch', expected: `01${key.id}`, found: toHex(ueid) };
  }
  const issuedAt = new Date(iat * 1_000);
  if (Math.abs(issuedAt.getTime() - input.now.getTime()) > IAT_WINDOW_SECONDS * 1_000) {
    const expected = `within ${IAT_WINDOW_SECONDS} s of ${input.now.toISOString()}`;
    return { code: 'token-time-refused', expected, found: issuedAt.toISOString() };
  }
  const measurements = readMeasurements(parsed.data.measurements[0][1]);
  if (isDenial(measurements)) return measurements;
  return {
    kind: 'signed-measurements',
    keyId: key.id,
    measurements,
    issuedAt,
    generation: generation !== undefined && isCertificateFingerprint(generation) ? generation : undefined,
  };
}

function readMeasurements(text: string): Measurements | Denial {
  if (!isBase64Url(text)) return malformed('measurements: not base64url without padding');
  const bytes = fromBase64Url(text);
  if (bytes.byteLength > MEASUREMENTS_MAX_BYTES) return malformed(`measurements: over ${MEASUREMENTS_MAX_BYTES} bytes`);
  const parsed = measurementsSchema.safeParse(readJson(bytes));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return malformed(`measurements: /${issue?.path.map(String).join('/') ?? ''}: ${issue?.message ?? ''}`.slice(0, 300));
}
