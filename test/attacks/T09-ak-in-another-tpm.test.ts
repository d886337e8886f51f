import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { verifyResidency } from '#attestation/tpm2/verify-residency.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

describe('T09 a secret that was not recovered by the TPM with both keys', () => {
  const node = labNode();
  const join = labJoin(node);
  const secret = join.challenge.activationSecret;
  const lastBitFlipped = Buffer.from(secret);
  lastBitFlipped[31] = (lastBitFlipped[31] ?? 0) ^ 1;

  test.each([
    ['the one in the credential', secret, 'accepted'],
    ['a guess', systemRandom(32), 'activation-failed'],
    ['one bit off', lastBitFlipped, 'activation-failed'],
    ['a prefix', secret.subarray(0, 31), 'activation-failed'],
    ['nothing', new Uint8Array(), 'activation-failed'],
    ['the secret of another challenge', labJoin(node).challenge.activationSecret, 'activation-failed'],
  ])('%s', (_, activationSecret, expected) => {
    expect(verdict({ ...join, evidence: { ...join.evidence, activationSecret } })).toBe(expected);
  });

  test('the refusal says neither what was expected nor what came', () => {
    const { ekPublic, akPublic } = join.challenge;
    const denial = verifyResidency({ ekPublic, akPublic, expectedSecret: secret, activationSecret: systemRandom(32) });
    expect(denial).toMatchObject({ code: 'activation-failed' });
    expect(denial).not.toHaveProperty('expected');
    expect(denial).not.toHaveProperty('found');
  });
});
