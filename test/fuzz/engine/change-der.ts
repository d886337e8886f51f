import { type Bytes, concatBytes } from '#core/bytes.ts';

import type { SeededNumbers } from './seeded-numbers.ts';

/** Where an element stands in its input. */
interface Span {
  readonly start: number;
  readonly content: number;
  readonly end: number;
  /** The constructed elements around it, outermost first. */
  readonly around: readonly Span[];
}

const CONSTRUCTED = 0x20;
const ELEMENTS_MAX = 2_000;

const NASTY = [
  '0500',
  '3000',
  '3100',
  '0400',
  '0200',
  '020100',
  '02010080',
  '0603550000',
  '0101ff',
  '0101fe',
  '0300',
  '030107',
  '30800000',
  '1700',
  '0c00',
  'a000',
  'a4020500',
  '3081000500',
].map((hex) => Buffer.from(hex, 'hex'));

/**
 * `input` with one of its elements deleted, doubled, replaced by one of `other` or by an odd one, put inside another, given another tag or a wrong length; the
 * lengths around it are made right again, but for the last of these. Bytes that are no DER get random ones in.
 */
export function changeDer(input: Bytes, other: Bytes, random: SeededNumbers): Bytes {
  const spans = spansOf(input);
  if (spans.length === 0) return concatBytes(input, random.pick(NASTY));
  const span = random.pick(spans);
  const whole = input.subarray(span.start, span.end);
  switch (random.below(8)) {
    case 0:
      return rebuild(input, span, new Uint8Array());
    case 1:
      return rebuild(input, span, concatBytes(whole, whole));
    case 2:
      return rebuild(input, span, foreignElement(other, random));
    case 3:
      return rebuild(input, span, random.pick(NASTY));
    case 4:
      return rebuild(input, span, wrap(random.pick([0x30, 0x31, 0xa0, 0xa3, 0x04]), whole));
    case 5:
      return rebuild(input, span, concatBytes(Uint8Array.of(random.below(256)), whole.subarray(1)));
    case 6: {
      const inner = random.bytes(random.below(24));
      return rebuild(input, span, wrap(input[span.start] ?? 0, inner));
    }
    default:
      return withLength(input, span, random);
  }
}

function foreignElement(other: Bytes, random: SeededNumbers): Bytes {
  const spans = spansOf(other);
  if (spans.length === 0) return random.pick(NASTY);
  const { start, end } = random.pick(spans);
  return other.subarray(start, end);
}

/** A length octet that is not right, and nothing else. */
function withLength(input: Bytes, { start }: Span, random: SeededNumbers): Bytes {
  const copy = Uint8Array.from(input);
  copy[start + 1] = random.pick([0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xff, random.below(256)]);
  return copy;
}

/** `input` with the element at `span` replaced, and every length around it that of its new content. */
function rebuild(input: Bytes, span: Span, replacement: Bytes): Bytes {
  let made = replacement;
  let { start, end } = span;
  for (const outer of span.around.toReversed()) {
    const content = concatBytes(input.subarray(outer.content, start), made, input.subarray(end, outer.end));
    made = wrap(input[outer.start] ?? 0, content);
    ({ start, end } = outer);
  }
  return concatBytes(input.subarray(0, start), made, input.subarray(end));
}

function wrap(tag: number, content: Bytes): Bytes {
  const { byteLength } = content;
  if (byteLength < 0x80) return concatBytes(Uint8Array.of(tag, byteLength), content);
  if (byteLength < 0x100) return concatBytes(Uint8Array.of(tag, 0x81, byteLength), content);
  return concatBytes(Uint8Array.of(tag, 0x82, (byteLength >> 8) & 0xff, byteLength & 0xff), content);
}

/** Every element of `input`, by a reading that gives up quietly. */
function spansOf(input: Bytes): readonly Span[] {
  const spans: Span[] = [];
  walk(input, 0, input.byteLength, [], spans);
  return spans;
}

function walk(input: Bytes, from: number, to: number, around: readonly Span[], spans: Span[]): void {
  for (let at = from; at < to && spans.length < ELEMENTS_MAX && around.length < 32;) {
    const header = lengthAt(input, at + 1);
    if (header === undefined || header.content + header.length > to) return;
    const span = { start: at, content: header.content, end: header.content + header.length, around };
    spans.push(span);
    if (((input[at] ?? 0) & CONSTRUCTED) !== 0) walk(input, span.content, span.end, [...around, span], spans);
    at = span.end;
  }
}

function lengthAt(input: Bytes, at: number): { readonly content: number; readonly length: number } | undefined {
  const first = input[at];
  if (first === undefined) return undefined;
  if (first < 0x80) return { content: at + 1, length: first };
  const size = first & 0x7f;
  if (size === 0 || size > 3 || at + size >= input.byteLength) return undefined;
  return { content: at + 1 + size, length: Buffer.from(input).readUIntBE(at + 1, size) };
}
