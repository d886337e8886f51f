import { expect, test } from 'vitest';

import { TAG } from '#pki/x509/der-tags.ts';
import { EMPTY_NAME, buildName } from '#pki/x509/name-writer.ts';
import { parseName } from '#pki/x509/name.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';

test('attributes stand in the order given, each in a relative name of its own', () => {
  const { rdns } = parseName(buildName([ATTRIBUTE.organization, 'system:nodes'], [ATTRIBUTE.commonName, 'a']));
  expect(rdns.map((rdn) => rdn.map(({ type }) => type))).toEqual([[ATTRIBUTE.organization], [ATTRIBUTE.commonName]]);
});

test.each([
  [ATTRIBUTE.commonName, 'Müller', TAG.utf8String],
  [ATTRIBUTE.country, 'DE', TAG.printableString],
  [ATTRIBUTE.serialNumber, '42', TAG.printableString],
  [ATTRIBUTE.emailAddress, 'a@b.example', TAG.ia5String],
  [ATTRIBUTE.domainComponent, 'example', TAG.ia5String],
])('%s is written in the string type that RFC 5280 asks for', (type, text, tag) => {
  expect(parseName(buildName([type, text])).rdns[0]?.[0]?.tag).toBe(tag);
});

test.each([
  ['an empty value', ATTRIBUTE.commonName, ''],
  ['a country beyond PrintableString', ATTRIBUTE.country, 'Ö'],
  ['a mailbox beyond ASCII', ATTRIBUTE.emailAddress, 'ä@b.example'],
])('%s throws', (_, type, text) => {
  expect(() => buildName([type, text])).toThrow(RangeError);
});

test('the empty name is a sequence without anything in it', () => {
  expect(EMPTY_NAME.toString('hex')).toBe('3000');
});
