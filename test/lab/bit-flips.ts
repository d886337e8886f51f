import type { Bytes } from '#core/bytes.ts';
import { SeededNumbers } from '#test/fuzz/engine/seeded-numbers.ts';

/** `bytes` with one bit the other way. Bit 0 is the lowest of the first byte. */
export function flipBit(bytes: Bytes, bit: number): Bytes {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/** Every bit of a field, or `count` of them spread evenly, each at a place in its stretch that `seed` chooses. */
export function bitsOf({ byteLength }: Bytes, count: number, seed: number): readonly number[] {
  const bits = byteLength * 8;
  if (count >= bits) return Array.from({ length: bits }, (_, bit) => bit);
  const random = new SeededNumbers(seed);
  const stretch = bits / count;
  return Array.from({ length: count }, (_, index) => Math.floor(index * stretch) + random.below(Math.floor(stretch)));
}
