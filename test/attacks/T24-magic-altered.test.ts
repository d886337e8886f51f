import { describe, expect, test } from 'vitest';

import { TPM_GENERATED } from '#tpm2/constants.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

// A restricted key signs data from outside as long as it does not begin with the TPM's own magic (CVE-2024-29038).
describe('T24 a structure that the TPM did not make, signed by the AK', () => {
  const node = labNode();

  test.each([
    ['the magic', TPM_GENERATED, 'accepted'],
    ['one bit off', TPM_GENERATED ^ 1, 'quote-magic-wrong'],
    ['in the other byte order', 0x474354ff, 'quote-magic-wrong'],
    ['zero', 0, 'quote-magic-wrong'],
  ])('%s', (_, magic, expected) => {
    expect(verdict(labJoin(node, { edit: (fields) => ({ ...fields, magic: magic >>> 0 }) }))).toBe(expected);
  });
});
