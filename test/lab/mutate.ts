import fc from 'fast-check';

/**
 * Arbitrary bytes for a parser: random ones, and `seeds` with bytes overwritten, cut, repeated or appended, so that most inputs get past the
 * first checks.
 */
export function hostileBytes(seeds: readonly Uint8Array[], maxLength = 512): fc.Arbitrary<Uint8Array> {
  const random = fc.uint8Array({ maxLength });
  if (seeds.length === 0) return random;
  const edit = fc.record({
    at: fc.nat(),
    value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })),
    kind: fc.constantFrom('set', 'set', 'set', 'cut', 'drop', 'repeat', 'append'),
  });
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([seed, edits]) => edits.reduce<Uint8Array>(applyEdit, seed));
  return fc.oneof({ arbitrary: random, weight: 1 }, { arbitrary: mutated, weight: 5 });
}

/** One change to bytes: what, where (taken modulo their length), and a number that the kind makes use of. */
export interface Edit {
  readonly at: number;
  readonly value: number;
  readonly kind: string;
}

/** `bytes` with one change made; the bytes themselves stay as they are. */
export function applyEdit(bytes: Uint8Array, { at, value, kind }: Edit): Uint8Array {
  const offset = bytes.byteLength === 0 ? 0 : at % bytes.byteLength;
  const head = bytes.subarray(0, offset);
  const tail = bytes.subarray(offset);
  switch (kind) {
    case 'cut':
      return head;
    case 'drop':
      return Buffer.concat([head, tail.subarray(1 + (value % 8))]);
    case 'repeat':
      return Buffer.concat([head, tail.subarray(0, value), tail]);
    case 'append':
      return Buffer.concat([bytes, Buffer.of(value)]);
    default:
      return Buffer.concat([head, Buffer.of(value), tail.subarray(1)]);
  }
}
