import { describe, expect, test } from 'vitest';

import { attributeText } from '#pki/x509/directory-string.ts';
import { element, oid, sequence, setOf } from '#pki/x509/der-writer.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import { attributeValues, nameKey, sameName } from '#pki/x509/name-compare.ts';
import { type Name, parseName } from '#pki/x509/name.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';

/** A name of one attribute. */
const named = (tag: number, content: Buffer | string, type: string = ATTRIBUTE.commonName): Name =>
  parseName(sequence(setOf(sequence(oid(type), element(tag, Buffer.from(content))))));

const utf8 = (text: string): Name => named(TAG.utf8String, text);
const printable = (text: string): Name => named(TAG.printableString, text);
const bmp = (text: string): Name => named(TAG.bmpString, Buffer.from(text, 'utf16le').swap16());

describe('the same name', () => {
  test.each([
    ['in another string type', utf8('Muster'), printable('Muster')],
    ['in another case', utf8('Muster'), utf8('mUSTER')],
    ['in another case beyond ASCII', utf8('MÜNCHEN'), utf8('münchen')],
    ['with spaces around and inside', utf8('Muster CA'), utf8('  Muster   CA ')],
    ['with a tab in place of a space', utf8('Muster CA'), utf8('Muster\tCA')],
    ['composed otherwise', utf8('\u00e9'), utf8('e\u0301')],
    ['in compatibility characters', utf8('fi'), utf8('\ufb01')],
    ['with a soft hyphen', utf8('Muster'), utf8('Mus\u00adter')],
    ['in 16-bit characters', utf8('Muster'), bmp('Muster')],
  ])('%s', (_, a, b) => {
    expect(sameName(a, b)).toBe(true);
    expect(nameKey(a)).toBe(nameKey(b));
  });
});

describe('another name', () => {
  const two = parseName(
    sequence(
      setOf(sequence(oid(ATTRIBUTE.organization), element(TAG.utf8String, Buffer.from('a')))),
      setOf(sequence(oid(ATTRIBUTE.commonName), element(TAG.utf8String, Buffer.from('b')))),
    ),
  );
  const together = parseName(
    sequence(
      setOf(
        sequence(oid(ATTRIBUTE.organization), element(TAG.utf8String, Buffer.from('a'))),
        sequence(oid(ATTRIBUTE.commonName), element(TAG.utf8String, Buffer.from('b'))),
      ),
    ),
  );

  test.each([
    ['of other text', utf8('Muster'), utf8('Mustar')],
    ['of another attribute type', utf8('Muster'), named(TAG.utf8String, 'Muster', ATTRIBUTE.organization)],
    ['with one relative name in place of two', two, together],
    ['that only looks alike', utf8('a'), utf8('\u0430')],
    ['with text that forges a second attribute', utf8('a+2.5.4.10=1:b'), together],
    ['in a string type that is not compared', utf8('Muster'), named(TAG.t61String, 'Muster')],
    ['whose PrintableString has a character it may not have', utf8('a@b'), printable('a@b')],
    ['with a character that is not assigned', utf8('a\u{378}'), utf8('A\u{378}')],
  ])('%s', (_, a, b) => {
    expect(sameName(a, b)).toBe(false);
  });
});

describe('text of an attribute', () => {
  test.each<[string, number, string, string | undefined]>([
    ['UTF8String', TAG.utf8String, 'c3a4', 'ä'],
    ['broken UTF-8', TAG.utf8String, 'c3', undefined],
    ['BMPString', TAG.bmpString, '00e4', 'ä'],
    ['a BMPString with a lone surrogate', TAG.bmpString, 'd800', undefined],
    ['a BMPString of odd length', TAG.bmpString, '00', undefined],
    ['UniversalString', TAG.universalString, '0001f600', '😀'],
    ['a UniversalString beyond Unicode', TAG.universalString, '00110000', undefined],
    ['a UniversalString of five bytes', TAG.universalString, '0000006100', undefined],
    ['a UniversalString with a surrogate', TAG.universalString, '0000d800', undefined],
    ['IA5String', TAG.ia5String, '6140', 'a@'],
    ['an IA5String beyond ASCII', TAG.ia5String, 'e4', undefined],
    ['NumericString', TAG.numericString, '3120', '1 '],
    ['a NumericString with a letter', TAG.numericString, '61', undefined],
    ['VisibleString', TAG.visibleString, '7e', '~'],
    ['T61String', TAG.t61String, '61', undefined],
    ['another type', TAG.octetString, '61', undefined],
  ])('%s', (_, tag, content, expected) => {
    expect(attributeText({ tag, value: Buffer.from(content, 'hex') })).toBe(expected);
  });

  test('is found by type, in order', () => {
    expect(attributeValues(utf8('Muster'), ATTRIBUTE.commonName)).toEqual(['Muster']);
    expect(attributeValues(utf8('Muster'), ATTRIBUTE.organization)).toEqual([]);
  });
});
