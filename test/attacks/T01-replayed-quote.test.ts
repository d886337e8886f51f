import { describe, expect, test } from 'vitest';

import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labChallenge, labEvidence, labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { quoteInput, quoteVector, quoteVerdict } from '#test/lab/tpm-quote-vectors.ts';

describe('T01 a quote replayed into a later challenge', () => {
  const node = labNode();
  const first = labJoin(node);

  test('answers the challenge it was made for', () => {
    expect(verdict(first)).toBe('accepted');
  });

  test('is refused for its nonce, with everything else right', () => {
    const next = labChallenge(node);
    const evidence = { ...first.evidence, activationSecret: next.activationSecret };
    expect(verdict({ ...first, challenge: next, evidence })).toBe('nonce-mismatch');
    expect(verdict({ ...first, challenge: next, evidence: labEvidence(node, next) })).toBe('accepted');
  });

  test('is refused when a real TPM made it', () => {
    const input = quoteInput(quoteVector('ok_ecc'));
    expect(quoteVerdict(input)).toBe('accepted');
    expect(quoteVerdict({ ...input, qualifyingData: new Uint8Array(32) })).toBe('nonce-mismatch');
    expect(quoteVerdict({ ...input, qualifyingData: new Uint8Array() })).toBe('nonce-mismatch');
  });
});
