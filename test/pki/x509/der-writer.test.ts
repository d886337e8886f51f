import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { DerReader } from '#pki/x509/der-reader.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import {
  bitString,
  boolean,
  element,
  generalizedTime,
  ia5String,
  integer,
  namedBits,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  setOf,
  tagged,
  taggedPrimitive,
  time,
  unsignedInteger,
  utf8String,
} from '#pki/x509/der-writer.ts';
import { namedBitsOf } from '#pki/x509/reason-flags.ts';

import { hex } from './outcome.ts';

describe('what is written', () => {
  test.each([
    ['an empty sequence', sequence(), '3000'],
    ['a sequence', sequence(nullValue(), boolean(true)), '3005 0500 0101ff'],
    ['false', boolean(false), '010100'],
    ['zero', integer(0), '020100'],
    ['127', integer(127), '02017f'],
    ['128', integer(128), '02020080'],
    ['2^48 - 1', integer(2 ** 48 - 1), '0207 00ffffffffffff'],
    ['a magnitude with leading zeros', unsignedInteger(hex('000001')), '020101'],
    ['a magnitude with its top bit set', unsignedInteger(hex('ff')), '020200ff'],
    ['an empty magnitude', unsignedInteger(hex('')), '020100'],
    ['an object identifier', oid('1.2.840.113549'), '06062a864886f70d'],
    ['an object identifier below 2.x with x over 39', oid('2.999'), '06028837'],
    ['a bit string', bitString(hex('aa')), '030200aa'],
    ['named bits', namedBits(0), '03020780'],
    ['named bits in two bytes', namedBits(5, 8), '0303070480'],
    ['no named bits', namedBits(), '030100'],
    ['an octet string', octetString(hex('aabb')), '0402aabb'],
    ['an explicit tag', tagged(3, nullValue()), 'a3020500'],
    ['an implicit tag', taggedPrimitive(2, hex('61')), '820161'],
    ['a UTF8String', utf8String('ä'), '0c02c3a4'],
    ['a PrintableString', printableString('DE'), '13024445'],
    ['an IA5String', ia5String('a@b'), '1603614062'],
    ['a set in ascending order', setOf(hex('0402bbbb'), hex('0401aa'), hex('0201 05')), '310a 020105 0401aa 0402bbbb'],
    [
      'a time before 2050',
      time(new Date('2049-12-31T23:59:59Z')),
      `170d ${Buffer.from('491231235959Z').toString('hex')}`,
    ],
    [
      'a time from 2050 on',
      time(new Date('2050-01-01T00:00:00Z')),
      `180f ${Buffer.from('20500101000000Z').toString('hex')}`,
    ],
    [
      'a time before 1950',
      time(new Date('1949-12-31T23:59:59Z')),
      `180f ${Buffer.from('19491231235959Z').toString('hex')}`,
    ],
    [
      'a GeneralizedTime',
      generalizedTime(new Date('2026-01-01T00:00:00Z')),
      `180f ${Buffer.from('20260101000000Z').toString('hex')}`,
    ],
  ])('%s', (_, written, expected) => {
    expect(written.toString('hex')).toBe(hex(expected).toString('hex'));
  });

  test.each([
    [0x7f, '047f'],
    [0x80, '048180'],
    [0xff, '0481ff'],
    [0x100, '04820100'],
    [0xffff, '0482ffff'],
    [0x10000, '0483010000'],
  ])('%i bytes have the shortest length', (length, header) => {
    expect(octetString(Buffer.alloc(length)).toString('hex').slice(0, header.length)).toBe(header);
  });
});

describe('what cannot be written throws', () => {
  test.each([
    ['16 MiB in one element', () => octetString(Buffer.alloc(0x1000000))],
    ['a negative number', () => integer(-1)],
    ['a fraction', () => integer(0.5)],
    ['a number of 2^48', () => integer(2 ** 48)],
    ['an object identifier of one arc', () => oid('1')],
    ['an object identifier under 3', () => oid('3.1')],
    ['an object identifier with 1.40', () => oid('1.40')],
    ['an object identifier with a leading zero', () => oid('1.02')],
    ['a PrintableString with an at sign', () => printableString('a@b')],
    ['an IA5String beyond ASCII', () => ia5String('ä')],
    ['a fraction of a second', () => time(new Date(1))],
    ['a year of five digits', () => time(new Date('+010000-01-01T00:00:00Z'))],
    ['an invalid date', () => time(new Date(Number.NaN))],
  ])('%s', (_, write) => {
    expect(write).toThrow(RangeError);
  });
});

describe('what was written is read back', () => {
  test('times', () => {
    const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, (at) => {
        const date = new Date(at * 1000);
        expect(new DerReader(time(date), 'test').time()).toEqual(date);
      }),
    );
  });

  test('object identifiers', () => {
    const arcs = fc.tuple(
      fc.constantFrom('1.3', '2.25', '0.9', '2.999'),
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n }), { maxLength: 5 }),
    );
    fc.assert(
      fc.property(arcs, ([head, rest]) => {
        const text = [head, ...rest].join('.');
        expect(new DerReader(oid(text), 'test').oid()).toBe(text);
      }),
    );
  });

  test('magnitudes, named bits and nested elements', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.uniqueArray(fc.nat(8), { minLength: 1 }),
        (bytes, bits) => {
          const trimmed = Buffer.from(bytes)
            .toString('hex')
            .replace(/^(?:00)+(?=..)/, '');
          const reader = new DerReader(
            sequence(unsignedInteger(bytes), namedBits(...bits), element(TAG.octetString, bytes)),
            'test',
          );
          const inner = reader.sequence();
          expect(Buffer.from(inner.unsignedInteger()).toString('hex')).toBe(trimmed);
          expect(namedBitsOf(inner, TAG.bitString)).toEqual(bits.toSorted((a, b) => a - b));
          expect(Buffer.compare(inner.octetString(), bytes)).toBe(0);
          inner.end();
        },
      ),
    );
  });
});
