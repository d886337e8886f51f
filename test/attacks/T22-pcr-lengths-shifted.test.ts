import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

// The digest in a quote is over the values one after the other: their bounds are not in it.
describe('T22 PCR values cut at other places', () => {
  const tpm = labTpm();
  for (const pcr of [0, 1, 7]) tpm.extend(pcr, fromHex('0a'));
  const join = labJoin(labNode({ tpm }));
  const values = join.evidence.pcrs.sha256 ?? {};
  const { 0: first = '', 1: second = '', 6: sixth = '', 7: last = '' } = values;

  test.each([
    ['where they end', values, 'accepted'],
    ['a byte late', { ...values, 0: first + second.slice(0, 2), 1: second.slice(2) }, 'pcr-values-malformed'],
    ['a byte early', { ...values, 0: first.slice(0, -2), 1: first.slice(-2) + second }, 'pcr-values-malformed'],
    ['all in one, the other empty', { ...values, 6: sixth + last, 7: '' }, 'pcr-values-malformed'],
    ['with a byte too many at the end', { ...values, 7: `${last}00` }, 'pcr-values-malformed'],
  ])('%s', (_, sha256, expected) => {
    expect(verdict({ ...join, evidence: { ...join.evidence, pcrs: { sha256 } } })).toBe(expected);
  });
});
