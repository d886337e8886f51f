import { verify } from 'node:crypto';

import { type Bytes, fromBase64Url, isBase64Url, utf8 } from '#core/bytes.ts';
import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';
import { tokenHeaderSchema } from '#protocol/measurements.ts';

import type { Denial } from '../result.ts';
import type { MeasurementKey } from './measurement-key.ts';

/** Longest token, in characters. */
export const TOKEN_MAX_LENGTH = 16_384;
/** Longest protected header, in characters of base64url. */
const HEADER_MAX_LENGTH = 512;

/**
 * The payload of a compact JWS (RFC 7515) that `key` signed. On return its three parts are base64url in its one spelling, the protected
 * header names the one algorithm of the key, the key itself and nothing else (no `crit`, no `jwk`, no `x5c`, no `jku`), and the signature is right.
 * Nothing of the payload was looked at before that. Which key it is, the token has no say in.
 */
export function verifyJws(token: string, key: MeasurementKey): Bytes | Denial {
  const parts = token.length <= TOKEN_MAX_LENGTH ? token.split('.') : [];
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || header.length > HEADER_MAX_LENGTH || !parts.every((part) => isBase64Url(part)))
    return malformed('not a compact JWS');
  const headerDenial = checkHeader(fromBase64Url(header), key);
  if (headerDenial !== undefined) return headerDenial;
  const signed = utf8(`${header}.${payload}`);
  const bytes = fromBase64Url(signature);
  if (
    bytes.byteLength !== key.signatureBytes ||
    !verify(key.hash, signed, { key: key.key, dsaEncoding: 'ieee-p1363' }, bytes)
  ) {
    return { code: 'token-signature-invalid' };
  }
  return fromBase64Url(payload);
}

function checkHeader(bytes: Bytes, key: MeasurementKey): Denial | undefined {
  const header = tokenHeaderSchema.safeParse(readJson(bytes));
  if (!header.success) {
    const [issue] = header.error.issues;
    return { code: 'token-header-refused', detail: issue?.message.slice(0, 200) ?? 'not a header' };
  }
  const { alg, kid } = header.data;
  // What the key is decides how it is used; the header may only agree.
  if (alg !== key.alg) return { code: 'token-header-refused', expected: key.alg, found: alg, detail: 'alg' };
  return kid === key.id ? undefined : { code: 'token-header-refused', expected: key.id, found: kid, detail: 'kid' };
}

/** The value of one strict JSON text; undefined where the bytes are not one, and for no value. */
export function readJson(bytes: Bytes): unknown {
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonFormatError)) throw error;
    return undefined;
  }
}

/** A part of the token that is not in its form. */
export const malformed = (detail: string): Denial => ({ code: 'evidence-malformed', detail });
