import type { Bytes } from '#core/bytes.ts';

import {
  bitStringFault,
  booleanFault,
  integerFault,
  oidFault,
  oidText,
  parseGeneralizedTime,
  parseUtcTime,
} from './der-primitives.ts';
import { contextConstructed, TAG } from './der-tags.ts';
import { type X509FormatCode, X509FormatError } from './format-error.ts';

/** How deep constructed elements may stand inside one another. */
export const DER_MAX_DEPTH = 16;

/**
 * `der` is X.690 and nothing else. `tpm-maker` also admits the two departures found in the certificates of TPM makers, and only where a
 * maker's certificate is read: SET OF in another order (Nuvoton), and zero bits written after the last one of a named bit list (Infineon).
 */
export type Dialect = 'der' | 'tpm-maker';

/** A BIT STRING's bytes; the last `unusedBits` bits are zero and not part of the value. */
export interface BitString {
  readonly bytes: Bytes;
  readonly unusedBits: number;
}

/** One element: `content` and `raw` (content with its header) are views into the input. */
export interface DerElement {
  /** The identifier octet. */
  readonly tag: number;
  readonly content: Bytes;
  readonly raw: Bytes;
}

/**
 * Reads DER (X.690 §10, §11) in order and within bounds. What it accepts has definite, minimal lengths and the one canonical value encoding;
 * every failure is an X509FormatError whose offset counts from the start of the outermost input. Byte strings are views, never copies.
 * A structure has been read only when `end()` has returned.
 */
export class DerReader {
  readonly #bytes: Bytes;
  readonly #end: number;
  readonly #depth: number;
  readonly #what: string;
  readonly dialect: Dialect;
  #offset: number;
  #contentStart = 0;

  /** `what` names the structure in errors. The arguments after `dialect` are for the readers this one makes. */
  constructor(
    bytes: Bytes,
    what: string,
    dialect: Dialect = 'der',
    start = 0,
    end: number = bytes.byteLength,
    depth = 0,
  ) {
    this.#bytes = bytes;
    this.#what = what;
    this.dialect = dialect;
    this.#offset = start;
    this.#end = end;
    this.#depth = depth;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** Where the next element starts, from the start of the outermost input. */
  get offset(): number {
    return this.#offset;
  }

  /** True when an element with this identifier octet is next. */
  next(tag: number): boolean {
    return this.#offset < this.#end && this.#bytes[this.#offset] === tag;
  }

  /** The identifier octet of the next element, undefined at the end. */
  peek(): number | undefined {
    return this.#offset < this.#end ? this.#bytes[this.#offset] : undefined;
  }

  /** The next element, which must have identifier octet `tag`: its content. */
  content(tag: number): Bytes {
    this.#enter(tag);
    return this.#bytes.subarray(this.#contentStart, this.#offset);
  }

  /** A reader over the content of the next element, which must have identifier octet `tag`. */
  inside(tag: number, what: string = this.#what): DerReader {
    if (this.#depth >= DER_MAX_DEPTH) throw this.fail('too-deep');
    this.#enter(tag);
    return this.#child(what);
  }

  /** As `inside`, or undefined when another element or nothing is next. */
  insideOptional(tag: number, what: string = this.#what): DerReader | undefined {
    return this.next(tag) ? this.inside(tag, what) : undefined;
  }

  sequence(what: string = this.#what): DerReader {
    return this.inside(TAG.sequence, what);
  }

  /** `[number] EXPLICIT`, or `[number] IMPLICIT` over a SEQUENCE or SET; undefined when absent. */
  tagged(number: number, what: string = this.#what): DerReader | undefined {
    return this.insideOptional(contextConstructed(number), what);
  }

  /** An OCTET STRING's content, and a reader over the DER in it. */
  octetStringAndInside(what: string = this.#what): { readonly value: Bytes; readonly body: DerReader } {
    const body = this.inside(TAG.octetString, what);
    return { value: this.#bytes.subarray(this.#contentStart, this.#offset), body };
  }

  /** The next element whatever it is, not looked into: the caller parses it or passes it through `checkDer`. */
  element(): DerElement {
    const start = this.#offset;
    const tag = this.#header();
    return {
      tag,
      content: this.#bytes.subarray(this.#contentStart, this.#offset),
      raw: this.#bytes.subarray(start, this.#offset),
    };
  }

  /** The next element whole, and a reader over its content; it must have identifier octet `tag`. */
  wholeAndInside(tag: number, what: string = this.#what): { readonly raw: Bytes; readonly inner: DerReader } {
    const start = this.#offset;
    const inner = this.inside(tag, what);
    return { raw: this.#bytes.subarray(start, this.#offset), inner };
  }

  /** A SEQUENCE whole, and a reader over its content. */
  wholeSequence(what: string = this.#what): { readonly raw: Bytes; readonly inner: DerReader } {
    return this.wholeAndInside(TAG.sequence, what);
  }

  boolean(): boolean {
    const start = this.#offset;
    const content = this.content(TAG.boolean);
    this.#check(booleanFault(content), start);
    return content[0] === 0xff;
  }

  /** `BOOLEAN DEFAULT FALSE`: absent or TRUE. A FALSE that is spelled out is not DER (X.690 §11.5). */
  booleanDefaultFalse(): boolean {
    if (!this.next(TAG.boolean)) return false;
    const start = this.#offset;
    if (!this.boolean()) throw this.fail('not-canonical', start);
    return true;
  }

  /** An INTEGER's content: big-endian two's complement, minimal. */
  integerBytes(tag: number = TAG.integer): Bytes {
    const start = this.#offset;
    const content = this.content(tag);
    this.#check(integerFault(content), start);
    return content;
  }

  /** A non-negative INTEGER's magnitude, big-endian without a leading zero byte (zero is one zero byte). */
  unsignedInteger(): Bytes {
    const start = this.#offset;
    const content = this.integerBytes();
    const first = content[0] ?? 0;
    if (first >= 0x80) throw this.fail('bad-value', start);
    return first === 0 && content.byteLength > 1 ? content.subarray(1) : content;
  }

  /** An INTEGER from 0 to `max`, at most 2^31 − 1. `tag` is for an IMPLICIT tag. */
  smallInteger(max: number, tag: number = TAG.integer): number {
    const start = this.#offset;
    const content = this.integerBytes(tag);
    if (content.byteLength > 4 || (content[0] ?? 0) >= 0x80) throw this.fail('bad-value', start);
    let value = 0;
    for (const byte of content) value = value * 256 + byte;
    if (value > max) throw this.fail('bad-value', start);
    return value;
  }

  null(): void {
    const start = this.#offset;
    if (this.content(TAG.null).byteLength !== 0) throw this.fail('bad-value', start);
  }

  /** Dotted decimal. `tag` is for an IMPLICIT tag. */
  oid(tag: number = TAG.oid): string {
    const start = this.#offset;
    const content = this.content(tag);
    this.#check(oidFault(content), start);
    return oidText(content);
  }

  /** `tag` is for an IMPLICIT tag. */
  bitString(tag: number = TAG.bitString): BitString {
    const start = this.#offset;
    const content = this.content(tag);
    this.#check(bitStringFault(content), start);
    return { bytes: content.subarray(1), unusedBits: content[0] ?? 0 };
  }

  /** The bytes of a BIT STRING that holds whole bytes. */
  bitStringBytes(): Bytes {
    const start = this.#offset;
    const { bytes, unusedBits } = this.bitString();
    if (unusedBits !== 0) throw this.fail('bad-value', start);
    return bytes;
  }

  octetString(): Bytes {
    return this.content(TAG.octetString);
  }

  /** UTCTime or GeneralizedTime, to the second, UTC. */
  time(): Date {
    const start = this.#offset;
    const isUtcTime = this.next(TAG.utcTime);
    const content = this.content(isUtcTime ? TAG.utcTime : TAG.generalizedTime);
    const date = isUtcTime ? parseUtcTime(content) : parseGeneralizedTime(content);
    if (date === undefined) throw this.fail('not-canonical', start);
    return date;
  }

  /** Throws unless every byte was read. */
  end(): void {
    if (this.#offset !== this.#end) throw this.fail('trailing-bytes');
  }

  /** The error for something wrong at the present offset, or at `offset`; the caller throws it. */
  fail(code: X509FormatCode, offset: number = this.#offset): X509FormatError {
    return new X509FormatError(code, offset, this.#what);
  }

  #child(what: string): DerReader {
    return new DerReader(this.#bytes, what, this.dialect, this.#contentStart, this.#offset, this.#depth + 1);
  }

  #check(fault: X509FormatCode | undefined, offset: number): void {
    if (fault !== undefined) throw this.fail(fault, offset);
  }

  #enter(tag: number): void {
    if (this.#offset >= this.#end) throw this.fail('truncated');
    if (this.#bytes[this.#offset] !== tag) throw this.fail('unexpected-tag');
    this.#header();
  }

  /** Steps over the next element. On return `#contentStart` and `#offset` are the ends of its content. */
  #header(): number {
    const start = this.#offset;
    const tag = this.#byte(start);
    if ((tag & 0x1f) === 0x1f) throw this.fail('unsupported-tag');
    const first = this.#byte(start + 1);
    let length = first;
    let at = start + 2;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0) throw this.fail('indefinite-length', start + 1);
      if (count > 4) throw this.fail('too-large', start + 1);
      length = 0;
      for (let i = 0; i < count; i += 1, at += 1) length = length * 256 + this.#byte(at);
      if (length < 0x80 || length < 256 ** (count - 1)) throw this.fail('not-canonical', start + 1);
    }
    if (length > this.#end - at) throw this.fail('truncated', start);
    this.#contentStart = at;
    this.#offset = at + length;
    return tag;
  }

  #byte(at: number): number {
    const byte = at < this.#end ? this.#bytes[at] : undefined;
    if (byte === undefined) throw this.fail('truncated');
    return byte;
  }
}
