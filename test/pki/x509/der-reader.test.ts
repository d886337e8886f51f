import { describe, expect, test } from 'vitest';

import { DER_MAX_DEPTH, DerReader } from '#pki/x509/der-reader.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';

import { hex, outcome } from './outcome.ts';

/** All of `text` (hex) read by `read`. */
function whole(text: string, read: (reader: DerReader) => unknown): unknown {
  const reader = new DerReader(hex(text), 'test');
  const value = read(reader);
  reader.end();
  return value;
}

describe('an element', () => {
  test.each([
    ['0401aa', 'accepted'],
    ['', 'truncated'],
    ['04', 'truncated'],
    ['0402aa', 'truncated'],
    ['0401aabb', 'trailing-bytes'],
    ['0501aa', 'unexpected-tag'],
    ['1f0401aa', 'unexpected-tag'],
    // Lengths in another form than the shortest (X.690 §10.1).
    ['048101aa', 'not-canonical'],
    ['04820001aa', 'not-canonical'],
    [`0481 80 ${'aa'.repeat(128)}`, 'accepted'],
    [`0482 0080 ${'aa'.repeat(128)}`, 'not-canonical'],
    [`0482 0100 ${'aa'.repeat(256)}`, 'accepted'],
    [`0483 000100 ${'aa'.repeat(256)}`, 'not-canonical'],
    ['0480aa0000', 'indefinite-length'],
    ['0485 0000000001 aa', 'too-large'],
    ['04ff', 'too-large'],
    ['0484 ffffffff aa', 'truncated'],
  ])('%s: %s', (text, expected) => {
    expect(outcome(() => whole(text, (reader) => reader.octetString()))).toBe(expected);
  });

  test('with a tag number above 30 is refused', () => {
    expect(outcome(() => whole('1f8101 01aa', (reader) => reader.element()))).toBe('unsupported-tag');
  });

  test('comes as views into the input', () => {
    const bytes = hex('3003 0401aa');
    const { raw, content } = new DerReader(bytes, 'test').element();
    expect([raw.buffer, content.buffer]).toEqual([bytes.buffer, bytes.buffer]);
    expect(Buffer.from(content).toString('hex')).toBe('0401aa');
  });

  test('cannot reach past the one it stands in', () => {
    const reader = new DerReader(hex('3003 0402aa bb'), 'test');
    const inner = reader.sequence();
    expect(outcome(() => inner.octetString())).toBe('truncated');
  });
});

describe('an integer', () => {
  test.each([
    ['020100', 'accepted'],
    ['0200', 'bad-value'],
    ['02020000', 'not-canonical'],
    ['0202007f', 'not-canonical'],
    ['02020080', 'accepted'],
    ['0202ff80', 'not-canonical'],
    ['0202ff7f', 'accepted'],
  ])('%s: %s', (text, expected) => {
    expect(outcome(() => whole(text, (reader) => reader.integerBytes()))).toBe(expected);
  });

  test('that must not be negative comes as its magnitude', () => {
    expect(whole('02020080', (reader) => reader.unsignedInteger())).toEqual(hex('80'));
    expect(whole('020100', (reader) => reader.unsignedInteger())).toEqual(hex('00'));
    expect(outcome(() => whole('0201ff', (reader) => reader.unsignedInteger()))).toBe('bad-value');
  });

  test.each([
    ['020105', 'accepted'],
    ['020106', 'bad-value'],
    ['0201ff', 'bad-value'],
    ['02050100000000', 'bad-value'],
  ])('from 0 to 5, %s: %s', (text, expected) => {
    expect(outcome(() => whole(text, (reader) => reader.smallInteger(5)))).toBe(expected);
  });
});

describe('a boolean', () => {
  test.each([
    ['0101ff', 'accepted'],
    ['010100', 'accepted'],
    ['010101', 'not-canonical'],
    ['0100', 'bad-value'],
    ['0102ffff', 'bad-value'],
  ])('%s: %s', (text, expected) => {
    expect(outcome(() => whole(text, (reader) => reader.boolean()))).toBe(expected);
  });

  test('that defaults to false is absent or true, never false', () => {
    expect(whole('', (reader) => reader.booleanDefaultFalse())).toBe(false);
    expect(whole('0101ff', (reader) => reader.booleanDefaultFalse())).toBe(true);
    expect(outcome(() => whole('010100', (reader) => reader.booleanDefaultFalse()))).toBe('not-canonical');
  });
});

describe('a bit string', () => {
  test.each([
    ['030200aa', 'accepted'],
    ['030206c0', 'accepted'],
    ['030206e0', 'not-canonical'],
    ['030100', 'accepted'],
    ['030101', 'bad-value'],
    ['0300', 'bad-value'],
    ['03020800', 'bad-value'],
  ])('%s: %s', (text, expected) => {
    expect(outcome(() => whole(text, (reader) => reader.bitString()))).toBe(expected);
  });

  test('that must hold whole bytes has no unused bits', () => {
    expect(outcome(() => whole('030206c0', (reader) => reader.bitStringBytes()))).toBe('bad-value');
    expect(whole('030200aa', (reader) => reader.bitStringBytes())).toEqual(hex('aa'));
  });
});

describe('an object identifier', () => {
  test.each([
    ['06032a8648', '1.2.840'],
    ['0601 27', '0.39'],
    ['0602 8837', '2.999'],
    // Arcs beyond 2^53 keep every digit.
    ['060b 69 83ffffffffffffffff7f', '2.25.36893488147419103231'],
  ])('%s is %s', (text, dotted) => {
    expect(whole(text, (reader) => reader.oid())).toBe(dotted);
  });

  test.each([
    ['06022a81', 'truncated'],
    ['06032a8001', 'not-canonical'],
    ['0600', 'bad-value'],
    [`0641 ${'01'.repeat(65)}`, 'too-large'],
  ])('%s: %s', (text, expected) => {
    expect(outcome(() => whole(text, (reader) => reader.oid()))).toBe(expected);
  });
});

describe('a time', () => {
  const time = (tag: number, text: string): string =>
    Buffer.concat([Buffer.of(tag, text.length), Buffer.from(text)]).toString('hex');

  test.each([
    [TAG.utcTime, '260101000000Z', '2026-01-01T00:00:00.000Z'],
    [TAG.utcTime, '491231235959Z', '2049-12-31T23:59:59.000Z'],
    [TAG.utcTime, '500101000000Z', '1950-01-01T00:00:00.000Z'],
    [TAG.utcTime, '240229000000Z', '2024-02-29T00:00:00.000Z'],
    [TAG.generalizedTime, '20500101000000Z', '2050-01-01T00:00:00.000Z'],
    [TAG.generalizedTime, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
    [TAG.generalizedTime, '00010101000000Z', '0001-01-01T00:00:00.000Z'],
  ])('tag %i, %s is %s', (tag, text, expected) => {
    expect(whole(time(tag, text), (reader) => reader.time())).toEqual(new Date(expected));
  });

  test.each([
    [TAG.utcTime, '2601010000Z'],
    [TAG.utcTime, '260101000000+0100'],
    [TAG.utcTime, '260101000000'],
    [TAG.utcTime, '250229000000Z'],
    [TAG.utcTime, '261301000000Z'],
    [TAG.utcTime, '260100000000Z'],
    [TAG.utcTime, '260101240000Z'],
    [TAG.utcTime, '260101006000Z'],
    [TAG.utcTime, '260101000060Z'],
    [TAG.utcTime, '260101 1 1 1Z'],
    [TAG.generalizedTime, '20500101 1 1 1Z'],
    [TAG.generalizedTime, '20500101000000.5Z'],
    [TAG.generalizedTime, '205001010000Z'],
  ])('tag %i, %s is refused', (tag, text) => {
    expect(outcome(() => whole(time(tag, text), (reader) => reader.time()))).toBe('not-canonical');
  });
});

test('errors count their offset from the start of the outermost input', () => {
  const reader = new DerReader(hex('3005 3003 0201 00'), 'test').sequence().sequence();
  let caught: unknown;
  try {
    reader.octetString();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(X509FormatError);
  expect(caught).toMatchObject({ code: 'unexpected-tag', offset: 4 });
});

test('nesting ends at the limit', () => {
  const nested = (depth: number): Buffer => {
    let bytes = Buffer.alloc(0);
    for (let i = 0; i < depth; i += 1) bytes = Buffer.concat([Buffer.of(0x30, bytes.byteLength), bytes]);
    return bytes;
  };
  const descend = (depth: number): void => {
    let reader = new DerReader(nested(depth), 'test');
    for (let i = 0; i < depth; i += 1) reader = reader.sequence();
  };
  expect(outcome(() => descend(DER_MAX_DEPTH))).toBe('accepted');
  expect(outcome(() => descend(DER_MAX_DEPTH + 1))).toBe('too-deep');
});
