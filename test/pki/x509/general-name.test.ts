import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { readGeneralName, readGeneralNames } from '#pki/x509/general-name.ts';

import { outcome } from './outcome.ts';

const read = (hex: string) => readGeneralName(new DerReader(fromHex(hex), 'GeneralName'));

describe('a GeneralName', () => {
  test.each([
    ['a0090603550403a0020500', { kind: 'otherName', type: '2.5.4.3', value: fromHex('0500') }],
    ['8103614062', { kind: 'rfc822Name', text: 'a@b' }],
    ['820161', { kind: 'dNSName', text: 'a' }],
    ['a3023000', { kind: 'x400Address', raw: fromHex('a3023000') }],
    ['a5023000', { kind: 'ediPartyName', raw: fromHex('a5023000') }],
    ['8603613a62', { kind: 'uniformResourceIdentifier', text: 'a:b' }],
    ['870401020304', { kind: 'iPAddress', address: fromHex('01020304') }],
    ['8803550403', { kind: 'registeredID', oid: '2.5.4.3' }],
  ])('%s', (hex, expected) => {
    expect(read(hex)).toEqual(expected);
  });

  test.each([
    ['of an empty name', 'a4023000', 'accepted'],
    ['of another number', '890161', 'unexpected-tag'],
    ['of a number in the other form', '830161', 'unexpected-tag'],
    ['of nothing', '', 'unexpected-tag'],
    ['of text that is not ASCII', '8201e9', 'bad-value'],
    ['with something after an other name’s value', 'a00b0603550403a00405000500', 'trailing-bytes'],
    ['with something after an other name', 'a00b0603550403a00205000500', 'trailing-bytes'],
    ['with something after a directory name', 'a40430003000', 'trailing-bytes'],
  ])('%s', (_what, hex, expected) => {
    expect(outcome(() => read(hex))).toBe(expected);
  });
});

test('names are read to the last, and there is one at least', () => {
  const all = (hex: string) => readGeneralNames(new DerReader(fromHex(hex), 'GeneralNames')).map(({ kind }) => kind);
  expect(all('820161820162')).toEqual(['dNSName', 'dNSName']);
  expect(outcome(() => all(''))).toBe('unexpected-tag');
});
