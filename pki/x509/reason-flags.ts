import type { DerReader } from './der-reader.ts';
import { contextPrimitive } from './der-tags.ts';

/** Revocation reasons by bit number (RFC 5280 §4.2.1.13): 1 keyCompromise … 8 aACompromise. Bit 0 is unused. */
export type RevocationReasons = ReadonlySet<number>;

/** Every reason a ReasonFlags can name. */
export const ALL_REASONS: RevocationReasons = new Set([1, 2, 3, 4, 5, 6, 7, 8]);

/** `[number] IMPLICIT ReasonFlags`. Throws on an empty one and on bits that RFC 5280 does not define. */
export function reasonsOf(reader: DerReader, number: number): RevocationReasons {
  const start = reader.offset;
  const bits = namedBitsOf(reader, contextPrimitive(number));
  if (bits.some((bit) => !ALL_REASONS.has(bit) && bit !== 0)) throw reader.fail('bad-value', start);
  return new Set(bits);
}

/** The numbers of the bits set in a named BIT STRING; at least one, and in DER none written after the last (X.690 §11.2.2). */
export function namedBitsOf(reader: DerReader, tag: number): readonly number[] {
  const start = reader.offset;
  const { bytes, unusedBits } = reader.bitString(tag);
  const length = bytes.byteLength * 8 - unusedBits;
  const bits: number[] = [];
  for (let bit = 0; bit < length; bit += 1) {
    if (((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.push(bit);
  }
  if (bits.length === 0) throw reader.fail('bad-value', start);
  if (reader.dialect === 'der' && bits.at(-1) !== length - 1) throw reader.fail('not-canonical', start);
  return bits;
}
