import { isUtf8 } from 'node:buffer';

import type { Bytes } from '#core/bytes.ts';

import { TAG } from './der-tags.ts';
import type { X509FormatCode } from './format-error.ts';

const UTC_TIME = /^\d{12}Z$/;
const GENERALIZED_TIME = /^\d{14}Z$/;
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
  let arc = 0;
  let bigArc = 0n;
  let isBig = false;
  for (const byte of content) {
    if (!isBig && arc >= 0x1000000) {
      isBig = true;
      bigArc = BigInt(arc);
    }
    if (isBig) bigArc = (bigArc << 7n) | BigInt(byte & 0x7f);
    else arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    const value = isBig ? bigArc : BigInt(arc);
    text += text === '' ? firstArcs(value) : `.${value}`;
    arc = 0;
    isBig = false;
  }
  return text;
}

/** The first two arcs share one number: 40 × first + second, and the first is at most 2 (X.690 §8.19.4). */
function firstArcs(value: bigint): string {
  if (value < 40n) return `0.${value}`;
  if (value < 80n) return `1.${value - 40n}`;
  return `2.${value - 80n}`;
}

/** UTCTime as DER has it (`YYMMDDHHMMSSZ`), 1950 to 2049 (RFC 5280 §4.1.2.5.1). Undefined for any other spelling or an impossible date. */
export function parseUtcTime(content: Bytes): Date | undefined {
  const text = ascii(content);
  if (!UTC_TIME.test(text)) return undefined;
  const year = Number(text.slice(0, 2));
  return dateOf(year < 50 ? 2000 + year : 1900 + year, text.slice(2));
}

/** GeneralizedTime as RFC 5280 §4.1.2.5.2 has it (`YYYYMMDDHHMMSSZ`, no fraction). Undefined for any other spelling or an impossible date. */
export function parseGeneralizedTime(content: Bytes): Date | undefined {
  const text = ascii(content);
  if (!GENERALIZED_TIME.test(text)) return undefined;
  return dateOf(Number(text.slice(0, 4)), text.slice(4));
}

/** `rest` is `MMDDHHMMSSZ`. */
function dateOf(year: number, rest: string): Date | undefined {
  const [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map((at) => Number(rest.slice(at, at + 2)));
  if (month === undefined || day === undefined || hour === undefined) return undefined;
  if (minute === undefined || second === undefined) return undefined;
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

const ascii = (content: Bytes): string =>
  content.byteLength > 15 ? '' : Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
