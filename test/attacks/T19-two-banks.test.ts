import { describe, expect, test } from 'vitest';

import { pcrSelection } from '#tpm2/pcr.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { LAB_PCRS, labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import type { QuoteFields } from '#test/lab/tpm-structures.ts';
import { quoteInput, quoteVector, quoteVerdict } from '#test/lab/tpm-quote-vectors.ts';

describe('T19 a quote over two banks', () => {
  test("swtpm's is refused, as asked for one bank", () => {
    expect(quoteVerdict(quoteInput(quoteVector('ok_ecc')))).toBe('accepted');
    expect(quoteVerdict(quoteInput(quoteVector('two_banks'), [0, 1, 2, 14]))).toBe('pcr-selection-mismatch');
  });

  const node = labNode();
  const sha256 = pcrSelection('sha256', LAB_PCRS);
  test.each([
    ['the bank asked for', [sha256], 'accepted'],
    ['SHA-1 first', [pcrSelection('sha1', [0]), sha256], 'pcr-selection-mismatch'],
    ['SHA-384 after it', [sha256, pcrSelection('sha384', LAB_PCRS)], 'pcr-selection-mismatch'],
    [
      'the same bank twice',
      [pcrSelection('sha256', [0, 1, 2, 3]), pcrSelection('sha256', [4, 5, 6, 7])],
      'pcr-selection-mismatch',
    ],
    ['an empty second entry', [sha256, pcrSelection('sha256', [])], 'pcr-selection-mismatch'],
  ])('%s', (_, pcrSelect, expected) => {
    const edit = (fields: QuoteFields) => ({ ...fields, ...node.tpm.composite('sha256', pcrSelect) });
    expect(verdict(labJoin(node, { edit }))).toBe(expected);
  });
});
