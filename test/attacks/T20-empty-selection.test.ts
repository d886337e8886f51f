import { describe, expect, test } from 'vitest';

import { verdict } from '#test/lab/tpm-appraisal.ts';
import { LAB_PCRS, labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { quoteInput, quoteVector, quoteVerdict } from '#test/lab/tpm-quote-vectors.ts';

describe('T20 a quote over no PCRs, or over some', () => {
  test("swtpm's quote over none is refused, whatever values stand beside it", () => {
    expect(quoteVerdict(quoteInput(quoteVector('ok_ecc')))).toBe('accepted');
    const { pcrs = {} } = quoteVector('ok_ecc');
    expect(quoteVerdict(quoteInput({ ...quoteVector('empty_selection'), pcrs }))).toBe('pcr-selection-mismatch');
    expect(quoteVerdict(quoteInput({ ...quoteVector('empty_selection'), pcrs: {} }))).toBe('pcr-selection-mismatch');
  });

  const node = labNode();
  test.each([
    ['all that were asked for', LAB_PCRS, 'accepted'],
    ['none', [], 'pcr-selection-mismatch'],
    ['all but one', LAB_PCRS.slice(1), 'pcr-selection-mismatch'],
    ['one more', [...LAB_PCRS, 8], 'pcr-selection-mismatch'],
  ])('%s', (_, pcrs, expected) => {
    expect(verdict(labJoin(node, { pcrs }))).toBe(expected);
  });

  test('values for PCRs that were not asked for are refused', () => {
    const join = labJoin(node);
    const pcrs = { sha256: node.tpm.readPcrs('sha256', [...LAB_PCRS, 8]) };
    expect(verdict({ ...join, evidence: { ...join.evidence, pcrs } })).toBe('pcr-values-malformed');
  });
});
