import { isUtf8 } from 'node:buffer';

import type { Bytes } from '#core/bytes.ts';

import { TAG } from './der-tags.ts';
import type { X509FormatCode } from './format-error.ts';

const ZERO = 0x30;
const ZULU = 0x5a;
const OID_MAX_BYTES = 64;
const END_OF_CONTENTS = 0x00;
/** Mask that takes the constructed bit away. */
const PRIMITIVE = 0x1f;

/** What keeps `content` from being DER of the universal primitive type `tag`; undefined when nothing does. Types not known here pass. */
export function primitiveFault(tag: number, content: Bytes): X509FormatCode | undefined {
  switch (tag) {
    case TAG.boolean:
      return booleanFault(content);
    case TAG.integer:
    case TAG.enumerated:
      return integerFault(content);
    case TAG.bitString:
      return bitStringFault(content);
    case TAG.null:
      return content.byteLength === 0 ? undefined : 'bad-value';
    case TAG.oid:
      return oidFault(content);
    case TAG.utcTime:
      return parseUtcTime(content) === undefined ? 'not-canonical' : undefined;
    case TAG.generalizedTime:
      return parseGeneralizedTime(content) === undefined ? 'not-canonical' : undefined;
    case TAG.utf8String:
      return isUtf8(content) ? undefined : 'bad-value';
    case END_OF_CONTENTS:
    case TAG.sequence & PRIMITIVE:
    case TAG.set & PRIMITIVE:
      return 'bad-value';
    default:
      return undefined;
  }
}

/** X.690 §11.1: one byte, 00 or FF. */
export function booleanFault(content: Bytes): X509FormatCode | undefined {
  if (content.byteLength !== 1) return 'bad-value';
  return content[0] === 0x00 || content[0] === 0xff ? undefined : 'not-canonical';
}

/** X.690 §8.3.2: at least one byte, and the first nine bits are not all equal. */
export function integerFault(content: Bytes): X509FormatCode | undefined {
  const first = content[0];
  const second = content[1];
  if (first === undefined) return 'bad-value';
  if (second === undefined) return undefined;
  if (first === 0x00 && second < 0x80) return 'not-canonical';
  if (first === 0xff && second >= 0x80) return 'not-canonical';
  return undefined;
}

/** X.690 §11.2.1: at most seven unused bits, none in an empty string, and all of them zero. */
export function bitStringFault(content: Bytes): X509FormatCode | undefined {
  const unused = content[0];
  if (unused === undefined || unused > 7) return 'bad-value';
  if (unused === 0) return undefined;
  const last = content.byteLength > 1 ? content[content.byteLength - 1] : undefined;
  if (last === undefined) return 'bad-value';
  return (last & ((1 << unused) - 1)) === 0 ? undefined : 'not-canonical';
}

/** X.690 §8.19.2: every arc in base 128 without leading zeros, the last one complete. */
export function oidFault(content: Bytes): X509FormatCode | undefined {
  if (content.byteLength === 0) return 'bad-value';
  if (content.byteLength > OID_MAX_BYTES) return 'too-large';
  let startsArc = true;
  for (const byte of content) {
    if (startsArc && byte === 0x80) return 'not-canonical';
    startsArc = byte < 0x80;
  }
  return startsArc ? undefined : 'truncated';
}

/** Dotted decimal of an OBJECT IDENTIFIER's content that `oidFault` has passed. */
export function oidText(content: Bytes): string {
  let text = '';
  let arc: number | bigint = 0;
  for (const byte of content) {
    arc = nextArc(arc, byte & 0x7f);
    if (byte >= 0x80) continue;
    text += text === '' ? firstArcs(arc) : `.${arc}`;
    arc = 0;
  }
  return text;
}

/** Beyond 2^46 another seven bits might not fit a number exactly. */
function nextArc(arc: number | bigint, bits: number): number | bigint {
  if (typeof arc === 'number' && arc < 2 ** 46) return arc * 128 + bits;
  return (BigInt(arc) << 7n) | BigInt(bits);
}

/** The first two arcs share one number: 40 × first + second, and the first is at most 2 (X.690 §8.19.4). */
function firstArcs(value: number | bigint): string {
  const first = value < 40 ? 0 : value < 80 ? 1 : 2;
  return `${first}.${typeof value === 'bigint' ? value - BigInt(40 * first) : value - 40 * first}`;
}

/** UTCTime as DER has it (`YYMMDDHHMMSSZ`), 1950 to 2049 (RFC 5280 §4.1.2.5.1). Undefined for any other spelling or an impossible date. */
export function parseUtcTime(content: Bytes): Date | undefined {
  if (!isTime(content, 12)) return undefined;
  const year = twoDigits(content, 0);
  return dateOf(year < 50 ? 2000 + year : 1900 + year, content, 2);
}

/** GeneralizedTime as RFC 5280 §4.1.2.5.2 has it (`YYYYMMDDHHMMSSZ`, no fraction). Undefined for any other spelling or an impossible date. */
export function parseGeneralizedTime(content: Bytes): Date | undefined {
  if (!isTime(content, 14)) return undefined;
  return dateOf(100 * twoDigits(content, 0) + twoDigits(content, 2), content, 4);
}

/** `content` has `MMDDHHMMSS` at `at`, digits all. */
function dateOf(year: number, content: Bytes, at: number): Date | undefined {
  const month = twoDigits(content, at);
  const day = twoDigits(content, at + 2);
  const hour = twoDigits(content, at + 4);
  const minute = twoDigits(content, at + 6);
  const second = twoDigits(content, at + 8);
  if (second > 59) return undefined;
  // Date.UTC reads the years 0 to 99 as 1900 to 1999, so the year is set apart.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute;
  return isReal ? date : undefined;
}

/** True for so many ASCII digits and a `Z`. */
function isTime(content: Bytes, digits: number): boolean {
  if (content.byteLength !== digits + 1 || content[digits] !== ZULU) return false;
  for (let at = 0; at < digits; at += 1) if (!isDigit(content[at] ?? 0)) return false;
  return true;
}

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= ZERO + 9;

const twoDigits = (content: Bytes, at: number): number =>
  10 * ((content[at] ?? 0) - ZERO) + ((content[at + 1] ?? 0) - ZERO);
