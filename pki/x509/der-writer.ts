import type { Bytes } from '#core/bytes.ts';

import { contextConstructed, contextPrimitive, TAG } from './der-tags.ts';

const NO_UNUSED_BITS = Buffer.of(0);

/** One element: identifier octet `tag`, minimal definite length, then the parts one after the other. */
export function element(tag: number, ...parts: readonly Bytes[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.byteLength;
  const headerLength = length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : 5;
  if (length > 0xffffff) throw new RangeError('DER element over 16 MiB');
  const out = Buffer.allocUnsafe(headerLength + length);
  out[0] = tag;
  if (headerLength === 2) out[1] = length;
  else {
    out[1] = 0x80 | (headerLength - 2);
    out.writeUIntBE(length, 2, headerLength - 2);
  }
  let at = headerLength;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}

export const sequence = (...parts: readonly Bytes[]): Buffer => element(TAG.sequence, ...parts);

/** SET OF: the elements in ascending order of their encodings (X.690 §11.6). */
export const setOf = (...elements: readonly Bytes[]): Buffer =>
  element(TAG.set, ...elements.toSorted((a, b) => Buffer.compare(a, b)));

/** `[number] EXPLICIT`, or `[number] IMPLICIT` over the content of a SEQUENCE or SET. */
export const tagged = (number: number, ...parts: readonly Bytes[]): Buffer =>
  element(contextConstructed(number), ...parts);

/** `[number] IMPLICIT` over the content of a primitive type. */
export const taggedPrimitive = (number: number, content: Bytes): Buffer => element(contextPrimitive(number), content);

/** INTEGER of a big-endian magnitude of any length; leading zero bytes are dropped, a sign byte added where due. */
export function unsignedInteger(magnitude: Bytes): Buffer {
  let start = 0;
  while (start < magnitude.byteLength - 1 && magnitude[start] === 0) start += 1;
  const digits = magnitude.subarray(start);
  const first = digits[0];
  if (first === undefined) return element(TAG.integer, NO_UNUSED_BITS);
  return first >= 0x80 ? element(TAG.integer, NO_UNUSED_BITS, digits) : element(TAG.integer, digits);
}

/** INTEGER from 0 to 2^48 − 1. Throws RangeError on any other number. */
export function integer(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 48)
    throw new RangeError('not an integer from 0 to 2^48 - 1');
  const magnitude = Buffer.alloc(6);
  magnitude.writeUIntBE(value, 0, 6);
  return unsignedInteger(magnitude);
}

export const boolean = (value: boolean): Buffer => Buffer.of(TAG.boolean, 1, value ? 0xff : 0x00);

export const nullValue = (): Buffer => Buffer.of(TAG.null, 0);

export const octetString = (content: Bytes): Buffer => element(TAG.octetString, content);

/** BIT STRING of whole bytes. */
export const bitString = (bytes: Bytes): Buffer => element(TAG.bitString, NO_UNUSED_BITS, bytes);

/** BIT STRING of named bits by number, trailing zeros dropped (X.690 §11.2.2). */
export function namedBits(...bits: readonly number[]): Buffer {
  if (bits.length === 0) return element(TAG.bitString, NO_UNUSED_BITS);
  const highest = Math.max(...bits);
  const out = Buffer.alloc(2 + (highest >> 3));
  out[0] = 7 - (highest & 7);
  for (const bit of bits) {
    const at = 1 + (bit >> 3);
    out[at] = (out[at] ?? 0) | (0x80 >> (bit & 7));
  }
  return element(TAG.bitString, out);
}

/** OBJECT IDENTIFIER of dotted decimal. Throws RangeError on text that is not one. */
export function oid(text: string): Buffer {
  return element(TAG.oid, oidContent(text));
}

/** An OBJECT IDENTIFIER's content bytes, for IMPLICIT tags. */
export function oidContent(text: string): Buffer {
  if (!/^[0-2](?:\.(?:0|[1-9]\d{0,38}))+$/.test(text)) throw new RangeError('not an object identifier');
  const [first = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  if (first < 2n && second >= 40n) throw new RangeError('not an object identifier');
  return Buffer.from([first * 40n + second, ...rest].flatMap(base128));
}

function base128(arc: bigint): number[] {
  const out = [Number(arc & 0x7fn)];
  for (let left = arc >> 7n; left > 0n; left >>= 7n) out.unshift(Number(left & 0x7fn) | 0x80);
  return out;
}

export const utf8String = (text: string): Buffer => element(TAG.utf8String, Buffer.from(text, 'utf8'));

/** PrintableString. Throws RangeError when `text` has a character outside its set (X.680 §41.4). */
export function printableString(text: string): Buffer {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) throw new RangeError('not a PrintableString');
  return element(TAG.printableString, Buffer.from(text, 'latin1'));
}

/** IA5String. Throws RangeError when `text` is not ASCII. */
export function ia5String(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.byteLength !== text.length) throw new RangeError('not ASCII');
  return element(TAG.ia5String, bytes);
}

/**
 * A Time as RFC 5280 §4.1.2.5 wants it: UTCTime from 1950 to 2049, GeneralizedTime otherwise.
 * Throws RangeError on a date with a fraction of a second, or outside the years 0 to 9999.
 */
export function time(date: Date): Buffer {
  const year = date.getUTCFullYear();
  if (date.getTime() % 1000 !== 0 || year < 0 || year > 9999)
    throw new RangeError('not a whole second of a four-digit year');
  return year >= 1950 && year <= 2049
    ? element(TAG.utcTime, Buffer.from(timeDigits(date).slice(2), 'latin1'))
    : generalizedTime(date);
}

/** GeneralizedTime to the second, for the structures that know no UTCTime. */
export const generalizedTime = (date: Date): Buffer =>
  element(TAG.generalizedTime, Buffer.from(timeDigits(date), 'latin1'));

const timeDigits = (date: Date): string => `${date.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`;
