import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { CsvFormatError, parseCsv } from '#cli/csv.ts';

const fieldsOf = (text: string) => parseCsv(text).map((record) => record.fields);

describe('CSV', () => {
  test.each([
    [
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['\uFEFFa,b', [['a', 'b']]],
    ['"a,b","c ""d"""', [['a,b', 'c "d"']]],
    ['"a\nb",c', [['a\nb', 'c']]],
    ['a,,\n', [['a', '', '']]],
    ['\n\na\n\n', [['a']]],
    ['""', []],
    ['', []],
  ])('%j is read', (text, fields) => {
    expect(fieldsOf(text)).toEqual(fields);
  });

  test('knows the line that each record begins on', () => {
    expect(parseCsv('a\n\n"b\nb"\nc').map((record) => record.line)).toEqual([1, 3, 5]);
  });

  test.each([
    ['a"b', 1],
    ['"a"b', 1],
    ['a\n"b', 2],
    ['a\rb', 1],
  ])('%j is refused at line %d', (text, line) => {
    expect(() => parseCsv(text)).toThrow(expect.objectContaining({ name: 'CsvFormatError', line }));
  });

  test('reads back whatever is written by the rules', () => {
    const field = fc.string().map((text) => text.replaceAll('\uFEFF', ''));
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 2 }), { minLength: 1 }), (rows) => {
        const text = rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\r\n');
        expect(fieldsOf(text)).toEqual(rows);
      }),
    );
  });

  test('ends for every text, with records or its own error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ') }), (text) => {
        expect(isReadOrRefused(text)).toBe(true);
      }),
    );
  });
});

function isReadOrRefused(text: string): boolean {
  try {
    return Array.isArray(parseCsv(text));
  } catch (error) {
    return error instanceof CsvFormatError;
  }
}
