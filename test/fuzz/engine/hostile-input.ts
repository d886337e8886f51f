import { type Bytes, concatBytes } from '#core/bytes.ts';
import { applyEdit } from '#test/lab/mutate.ts';

import { changeDer } from './change-der.ts';
import { changeText } from './change-text.ts';
import type { FuzzTarget, InputShape } from './fuzz-target.ts';
import type { SeededNumbers } from './seeded-numbers.ts';

const NO_BYTES = new Uint8Array();
/** One input in so many is random bytes from end to end. */
const ALL_RANDOM = 20;
const RANDOM_MAX_BYTES = 512;
const EDITS_MAX = 4;

const EDIT_KINDS = ['set', 'set', 'set', 'cut', 'drop', 'repeat', 'append'];
const EDIT_VALUES = [0, 1, 0x7f, 0x80, 0xff];

/** A good input of `target` with up to four changes, most of them along the lines that it is built on; now and then random bytes. */
export function hostileInput({ seeds, shape, maxBytes }: FuzzTarget, random: SeededNumbers): Bytes {
  if (seeds.length === 0 || random.below(ALL_RANDOM) === 0) return random.bytes(random.below(RANDOM_MAX_BYTES));
  let input = random.pick(seeds);
  for (let edits = 1 + random.below(EDITS_MAX); edits > 0; edits -= 1) {
    input = change(input, random.pick(seeds), shape, random);
  }
  return input.subarray(0, maxBytes);
}

function change(input: Bytes, other: Bytes, shape: InputShape, random: SeededNumbers): Bytes {
  switch (random.below(5)) {
    case 0:
      return applyEdit(input, { at: random.below(0x7fffffff), value: byte(random), kind: random.pick(EDIT_KINDS) });
    case 1:
      return splice(input, other, random);
    default:
      return changeShape(input, other, shape, random);
  }
}

function changeShape(input: Bytes, other: Bytes, shape: InputShape, random: SeededNumbers): Bytes {
  switch (shape) {
    case 'binary':
      return random.below(3) === 0 ? flipBit(input, random) : changeNumber(input, random);
    case 'der':
      return changeDer(input, other, random);
    case 'text':
      return changeText(input, other, random);
  }
}

const byte = (random: SeededNumbers): number => (random.below(2) === 0 ? random.pick(EDIT_VALUES) : random.below(256));

function flipBit(input: Bytes, random: SeededNumbers): Bytes {
  const copy = Uint8Array.from(input);
  const at = random.below(copy.byteLength);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
}

/** A run of `input` replaced by a run of `other`. */
function splice(input: Bytes, other: Bytes, random: SeededNumbers): Bytes {
  const [from, to] = run(input, random);
  const [otherFrom, otherTo] = run(other, random);
  return concatBytes(input.subarray(0, from), other.subarray(otherFrom, otherTo), input.subarray(to));
}

function run({ byteLength }: Bytes, random: SeededNumbers): readonly [number, number] {
  const from = random.below(byteLength + 1);
  return [from, Math.min(byteLength, from + random.below(64))];
}

/** Replaces a number of 1, 2, 4 or 8 bytes, in either byte order, by one that lengths and counts go wrong at. */
function changeNumber(input: Bytes, random: SeededNumbers): Bytes {
  const size = random.pick([1, 2, 2, 4, 4, 8]);
  if (input.byteLength < size) return concatBytes(input, NO_BYTES);
  const copy = Buffer.from(input);
  const at = random.below(copy.byteLength - size + 1);
  const isLittle = random.below(2) === 0;
  const width = Math.min(size, 4);
  const place = at + (isLittle ? 0 : size - width);
  const old = isLittle ? copy.readUIntLE(place, width) : copy.readUIntBE(place, width);
  const top = 2 ** (8 * width);
  const wanted = random.pick([0, 1, old + 1, old - 1, old * 2, top - 1, top / 2, top / 2 - 1, copy.byteLength, at]);
  const value = ((wanted % top) + top) % top;
  copy.fill(wanted === top - 1 ? 0xff : 0, at, at + size);
  if (isLittle) copy.writeUIntLE(value, place, width);
  else copy.writeUIntBE(value, place, width);
  return copy;
}
