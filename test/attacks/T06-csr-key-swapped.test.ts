import { describe, expect, test } from 'vitest';

import type { NodeName } from '#core/ids.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, newSpki } from '#test/lab/tpm-evidence.ts';

describe('T06 another key in the certificate request than the quote was made for', () => {
  const join = labJoin();

  test('the quoted key is accepted', () => {
    expect(verdict(join)).toBe('accepted');
  });

  test('any other key is refused', () => {
    expect(verdict({ ...join, spki: newSpki() })).toBe('nonce-mismatch');
  });

  test('so is any other node name', () => {
    const challenge = { ...join.challenge, claimedNodeName: 'worker-8' as NodeName };
    expect(verdict({ ...join, challenge })).toBe('nonce-mismatch');
  });
});
