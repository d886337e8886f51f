import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';

const codeOf = (bytes: Uint8Array): string => {
  try {
    parseStrictJson(bytes);
    return 'parsed';
  } catch (error) {
    if (error instanceof JsonFormatError) return error.code;
    throw error;
  }
};
const jsonOrNot = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('parseStrictJson', () => {
  test.each<[string, string, string]>([
    ['an object is taken', '{"a":1,"b":{"a":2}}', 'parsed'],
    ['the same name in two objects is taken', '[{"a":1},{"a":2}]', 'parsed'],
    ['a name that is also a value is taken', '{"a":"a","b":"a"}', 'parsed'],
    ['a string with an escaped quote before a colon is taken', '{"a\\":1":"\\\\"}', 'parsed'],
    ['32 levels are taken', nested(32), 'parsed'],
    ['33 levels are refused', nested(33), 'too-deep'],
    ['a member named twice is refused', '{"a":1,"a":1}', 'duplicate-member'],
    ['a member named twice in two spellings is refused', '{"a":1,"\\u0061":1}', 'duplicate-member'],
    ['a member named twice with white space about it is refused', '{"a":1, "a" \n:1}', 'duplicate-member'],
    ['a member named twice around a nested object is refused', '{"a":{"b":1},"a":1}', 'duplicate-member'],
    ['__proto__ is refused', '{"__proto__":{"admin":true}}', 'member-refused'],
    ['__proto__ in another spelling is refused', '{"\\u005f_proto__":1}', 'member-refused'],
    ['a trailing comma is refused', '{"a":1,}', 'not-json'],
    ['two texts are refused', '{}{}', 'not-json'],
    ['nothing is refused', '', 'not-json'],
    ['an open string is refused', '{"a', 'not-json'],
    ['an escaped last quote is refused', '"\\"', 'not-json'],
    ['a name in an array is refused', '["a":1]', 'not-json'],
    ['closing brackets alone are refused', ']]]]', 'not-json'],
    ['a comment is refused', '{/**/}', 'not-json'],
    ['NaN is refused', '{"a":NaN}', 'not-json'],
    ['a byte-order mark is refused', '\ufeff{}', 'not-json'],
  ])('%s', (_, text, code) => {
    expect(codeOf(utf8(text))).toBe(code);
  });

  test('refuses ill-formed UTF-8, which another reader might replace', () => {
    expect(codeOf(Uint8Array.of(0x22, 0xff, 0x22))).toBe('not-utf8');
    expect(codeOf(Uint8Array.of(0x22, 0xc0, 0xaf, 0x22))).toBe('not-utf8');
    expect(codeOf(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22))).toBe('not-utf8');
  });

  test('reads what JSON.stringify writes as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        if (text.includes('__proto__')) return;
        expect(parseStrictJson(utf8(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  test('takes nothing that JSON.parse refuses, and throws only its own error', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0061tfn -1e.'.split('')), maxLength: 24 }),
        (text) => {
          const isJson = jsonOrNot(text);
          expect(isJson || codeOf(utf8(text)) !== 'parsed').toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test.each<[string, string, string]>([
    ['brackets', '['.repeat(262_144), 'too-deep'],
    ['backslashes', `"${'\\'.repeat(262_142)}"`, 'parsed'],
    ['escaped quotes', `"${'\\"'.repeat(131_071)}"`, 'parsed'],
    ['names', `{${Array.from({ length: 20_000 }, (_, i) => `"${i}":0`).join(',')}}`, 'parsed'],
  ])('is done with 256 KiB of %s in under 50 ms', (_, text, code) => {
    const started = performance.now();
    expect(codeOf(utf8(text))).toBe(code);
    expect(performance.now() - started).toBeLessThan(50);
  });
});
