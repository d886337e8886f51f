import { z } from 'zod';

import { isBase64Url, fromBase64Url } from '#core/bytes.ts';
import { isEkFingerprint, isNodeName, isPoolName, isRequestId } from '#core/ids.ts';

/** Base64url without padding of 1 to `maxBytes` bytes; parsed to the bytes. The length is checked before anything is decoded. */
export const binary = (maxBytes: number) =>
  z
    .string()
    .min(1)
    .max(Math.ceil((maxBytes * 4) / 3))
    .refine(isBase64Url, 'not base64url without padding')
    .transform(fromBase64Url);

/** Base64url without padding of exactly `length` bytes; parsed to the bytes. */
export const binaryOf = (length: number) =>
  binary(length).refine((bytes) => bytes.byteLength === length, `not ${length} bytes`);

/** RFC 1123 subdomain of at most 52 characters, lower-case ASCII. */
export const nodeName = z
  .string()
  .max(253)
  .refine(isNodeName, 'not a node name: RFC 1123 subdomain of at most 52 characters');

/** RFC 1123 label. */
export const poolName = z.string().max(63).refine(isPoolName, 'not a pool name: RFC 1123 label');

/** Lower-case UUID. */
export const requestId = z.string().max(36).refine(isRequestId, 'not a request id: lower-case UUID');

/** SHA-256, 64 characters of lower-case hex. */
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in lower-case hex');

/** SHA-256 of an EK's SubjectPublicKeyInfo, lower-case hex. */
export const ekFingerprintHex = z.string().max(64).refine(isEkFingerprint, 'not a SHA-256 in lower-case hex');

/** RFC 3339 UTC. */
export const timestamp = z.iso.datetime();

/** A whole number in a query string, in its one decimal spelling. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,15})$/, 'not a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `not from ${min} to ${max}`);
