import { timingSafeEqual } from 'node:crypto';

/** A byte string. Functions never write into one that they were given. */
export type Bytes = Uint8Array;

const HEX = /^(?:[0-9a-f]{2})*$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** Lower-case hex. */
export function toHex(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The bytes of lower-case hex. Throws RangeError on anything else: upper case, odd length, other characters. */
export function fromHex(text: string): Bytes {
  if (!HEX.test(text)) throw new RangeError('not lower-case hex');
  return Buffer.from(text, 'hex');
}

/** Base64url without padding (RFC 4648 §5). */
export function toBase64Url(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** True when `text` is the one base64url spelling of some bytes: no padding, no stray bits in the last character. */
export function isBase64Url(text: string): boolean {
  if (!BASE64URL.test(text) || text.length % 4 === 1) return false;
  const tail = text.length % 4;
  if (tail === 0) return true;
  const last = Buffer.from(text.slice(-tail), 'base64url');
  return last.toString('base64url') === text.slice(-tail);
}

/** The bytes of base64url without padding. Throws RangeError on any spelling but the canonical one. */
export function fromBase64Url(text: string): Bytes {
  if (!isBase64Url(text)) throw new RangeError('not base64url without padding');
  return Buffer.from(text, 'base64url');
}

/** Equal bytes, in time that depends on the lengths only. Lengths are not secret. */
export function equalBytes(a: Bytes, b: Bytes): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/** One byte string after the other. */
export function concatBytes(...parts: readonly Bytes[]): Bytes {
  return Buffer.concat(parts);
}

/** The UTF-8 bytes of `text`. */
export function utf8(text: string): Bytes {
  return Buffer.from(text, 'utf8');
}
