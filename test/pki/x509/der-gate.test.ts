import { expect, test } from 'vitest';

import { checkDer } from '#pki/x509/der-gate.ts';

import { hex, outcome } from './outcome.ts';

const gate = (text: string, dialect?: 'der' | 'tpm-maker'): string =>
  outcome(() => checkDer(hex(text), 'test', { maxBytes: 300, dialect }));

/** Sequences inside one another. */
const nested = (depth: number): string =>
  depth === 0 ? '' : `30${(2 * depth - 2).toString(16).padStart(2, '0')}${nested(depth - 1)}`;

test.each([
  ['an empty sequence', '3000', 'accepted'],
  ['nested elements', '3009 3107 0201 00 0402 aabb', 'accepted'],
  ['context-specific elements', '3006 a002 0500 8000', 'accepted'],
  ['nothing', '', 'truncated'],
  ['two elements', '30003000', 'trailing-bytes'],
  ['a bad boolean inside', '3003 0101 01', 'not-canonical'],
  ['a long integer inside', '3004 0202 0001', 'not-canonical'],
  ['a NULL with content inside', '3003 0501 00', 'bad-value'],
  ['a bad object identifier inside', '3003 0601 80', 'not-canonical'],
  ['padding bits that are set', '3004 0302 01ff', 'not-canonical'],
  ['broken UTF-8', '3003 0c01 ff', 'bad-value'],
  [
    'a GeneralizedTime with a fraction',
    `3013 1811 ${Buffer.from('20260101000000.5Z').toString('hex')}`,
    'not-canonical',
  ],
  ['elements 17 deep', nested(17), 'too-deep'],
  ['elements 16 deep', nested(16), 'accepted'],
  ['a time without its Z', '300e 170c 323630313031303030303030', 'not-canonical'],
  ['a BER constructed string', '3004 2402 0400', 'not-canonical'],
  ['a primitive sequence', '1000', 'bad-value'],
  ['an end-of-contents element', '3002 0000', 'bad-value'],
  ['an indefinite length inside', '3004 3080 0000', 'indefinite-length'],
  ['a set in descending order', '3106 0201 05 0201 04', 'not-canonical'],
  ['a set with equal elements', '3106 0201 05 0201 05', 'accepted'],
  ['more bytes than the limit', `0482 0129 ${'00'.repeat(297)}`, 'too-large'],
])('%s: %s is %s', (_, text, expected) => {
  expect(gate(text)).toBe(expected);
});

test('the dialect of TPM makers admits a set in another order, and nothing else', () => {
  expect(gate('3106 0201 05 0201 04', 'tpm-maker')).toBe('accepted');
  expect(gate('3003 0101 01', 'tpm-maker')).toBe('not-canonical');
  expect(gate('3080 0000', 'tpm-maker')).toBe('indefinite-length');
});
