import { describe, expect, test } from 'vitest';

import { verdict } from '#test/lab/tpm-appraisal.ts';
import { LAB_PCRS, labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { quoteInput, quoteVector, quoteVerdict } from '#test/lab/tpm-quote-vectors.ts';

describe('T18 a quote over another bank than the policy names', () => {
  test("swtpm's quote over SHA-256 is accepted, over SHA-1 refused", () => {
    expect(quoteVerdict(quoteInput(quoteVector('ok_ecc')))).toBe('accepted');
    expect(quoteVerdict(quoteInput(quoteVector('sha1_bank')))).toBe('pcr-selection-mismatch');
  });

  const node = labNode();
  test.each([
    ['sha256', 'accepted'],
    ['sha1', 'pcr-selection-mismatch'],
    ['sha384', 'pcr-selection-mismatch'],
  ] as const)('asked for sha256, quoted %s', (bank, expected) => {
    expect(verdict(labJoin(node, { bank }))).toBe(expected);
  });

  test('asked for sha384, quoted sha384, with the values of sha256', () => {
    const join = labJoin(node, {}, { bank: 'sha384' });
    expect(verdict(join)).toBe('accepted');
    const pcrs = { sha256: node.tpm.readPcrs('sha256', LAB_PCRS) };
    expect(verdict({ ...join, evidence: { ...join.evidence, pcrs } })).toBe('pcr-values-malformed');
  });
});
