import type { Bytes } from '#core/bytes.ts';

import { primitiveFault } from './der-primitives.ts';
import { type Dialect, DerReader } from './der-reader.ts';
import { TAG } from './der-tags.ts';
import { X509FormatError } from './format-error.ts';

/** Bits of the identifier octet (X.690 §8.1.2). */
const CLASS = 0xc0;
const CONSTRUCTED = 0x20;

export interface DerLimits {
  readonly maxBytes: number;
  /** Default `der`. */
  readonly dialect?: Dialect | undefined;
}

/**
 * Establishes that `bytes` is exactly one DER element within the limits: definite minimal lengths, nested at most DER_MAX_DEPTH deep,
 * canonical values of the universal types, no trailing bytes. It does not look inside OCTET STRING and BIT STRING, and says nothing about
 * what the structure means. Throws X509FormatError.
 */
export function checkDer(bytes: Bytes, what: string, limits: DerLimits): void {
  if (bytes.byteLength > limits.maxBytes) throw new X509FormatError('too-large', 0, what);
  const reader = new DerReader(bytes, what, limits.dialect);
  readElement(reader);
  reader.end();
}

/** Steps over the next element of `reader`, having established the same about it. Returns the whole element. */
export function readElement(reader: DerReader): Bytes {
  const start = reader.offset;
  const tag = reader.peek();
  if (tag === undefined) throw reader.fail('truncated');
  if ((tag & CONSTRUCTED) === 0) {
    const { content, raw } = reader.element();
    const fault = (tag & CLASS) === 0 ? primitiveFault(tag, content) : undefined;
    if (fault !== undefined) throw reader.fail(fault, start);
    return raw;
  }
  if ((tag & CLASS) === 0 && tag !== TAG.sequence && tag !== TAG.set) throw reader.fail('not-canonical');
  const { raw, inner } = reader.wholeAndInside(tag);
  let last: Bytes | undefined;
  while (inner.remaining > 0) {
    const at = inner.offset;
    const child = readElement(inner);
    if (tag === TAG.set && isOutOfOrder(inner, last, child)) {
      throw inner.fail('not-canonical', at);
    }
    last = child;
  }
  return raw;
}

/** True when SET OF elements `last` and `next` stand in another order than DER's (X.690 §11.6) and `reader`'s dialect minds. */
export const isOutOfOrder = (reader: DerReader, last: Bytes | undefined, next: Bytes): boolean =>
  reader.dialect === 'der' && last !== undefined && Buffer.compare(last, next) > 0;
