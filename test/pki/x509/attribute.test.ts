import { expect, test } from 'vitest';

import { parseDirectoryAttributes } from '#pki/x509/attribute.ts';
import { integer, nullValue, oid, sequence, setOf } from '#pki/x509/der-writer.ts';

import { hex, outcome } from './outcome.ts';

const SPECIFICATION = '2.23.133.2.16';
const good = sequence(sequence(oid(SPECIFICATION), setOf(sequence(integer(0)))));

test('attributes come by type, their values whole', () => {
  expect(parseDirectoryAttributes(good)).toEqual([{ type: SPECIFICATION, values: [sequence(integer(0))] }]);
});

test.each([
  ['nothing', sequence(), 'truncated'],
  ['an attribute without values', sequence(sequence(oid('1.2.3'), setOf())), 'truncated'],
  [
    'an attribute with something after its values',
    sequence(sequence(oid('1.2.3'), setOf(nullValue()), nullValue())),
    'trailing-bytes',
  ],
  ['values in another order', hex('300e 300c 06022a03 3106 020105 020104'), 'not-canonical'],
  ['a value that is not DER', sequence(sequence(oid('1.2.3'), setOf(hex('010101')))), 'not-canonical'],
  ['a byte after the list', Buffer.concat([good, hex('00')]), 'trailing-bytes'],
])('%s is refused', (_, der, code) => {
  expect(outcome(() => parseDirectoryAttributes(der))).toBe(code);
});

test('the dialect of TPM makers takes the values in any order', () => {
  expect(parseDirectoryAttributes(hex('300e 300c 06022a03 3106 020105 020104'), 'tpm-maker')).toHaveLength(1);
});
