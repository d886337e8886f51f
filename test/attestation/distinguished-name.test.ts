import { expect, test } from 'vitest';

import { renderName } from '#attestation/distinguished-name.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { parseName } from '#pki/x509/name.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';
import { tpmName } from '#test/lab/tpm-certificates.ts';

test.each([
  [
    'the most specific part comes first',
    [
      [ATTRIBUTE.country, 'CH'],
      [ATTRIBUTE.organization, 'ST'],
      [ATTRIBUTE.commonName, 'CA 05'],
    ],
    'CN=CA 05,O=ST,C=CH',
  ],
  ['separators are escaped', [[ATTRIBUTE.commonName, 'a,b+c=d"e\\f<g>h;i']], 'CN=a\\,b\\+c\\=d\\"e\\\\f\\<g\\>h\\;i'],
  [
    'so are a space at either end and a leading #',
    [
      [ATTRIBUTE.commonName, ' a '],
      [ATTRIBUTE.commonName, '#b'],
    ],
    'CN=\\#b,CN=\\ a\\ ',
  ],
  ['a line break does not break a line', [[ATTRIBUTE.commonName, 'a\nb\u2028c']], 'CN=a\\0ab\\e2\\80\\a8c'],
  ['an unknown type is written by number', [['1.2.3.4', 'x']], '1.2.3.4=x'],
] as const)('%s', (_, parts, expected) => {
  expect(renderName(parseName(buildName(...parts)))).toBe(expected);
});

test('a relative name of several attributes is one part', () => {
  const name = parseName(tpmName(['id:53544D20', 'M', 'V']));
  expect(renderName(name)).toBe('2.23.133.2.2=M+2.23.133.2.3=V+2.23.133.2.1=id:53544D20');
});
