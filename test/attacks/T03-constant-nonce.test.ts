import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { type RandomSource, systemRandom } from '#core/random.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labChallenge, labJoin, labNode } from '#test/lab/tpm-evidence.ts';

describe('T03 a nonce that is short or always the same', () => {
  const node = labNode();
  const activate = (random: RandomSource) =>
    buildActivation({ ekPublic: node.tpm.ekPublic, akPublic: node.tpm.akPublic, random });

  test('a nonce of 32 bytes is taken', () => {
    expect(verdict(labJoin(node))).toBe('accepted');
  });

  test.each([0, 16, 20, 31, 33])('a nonce of %i bytes stops the verifier', (size) => {
    const join = labJoin(node);
    const challenge = { ...join.challenge, nonce: systemRandom(size) };
    expect(() => verifyEvidence({ ...join, challenge })).toThrow(RangeError);
    expect(() => qualifyingData({ audience: '', nonce: systemRandom(size), nodeName: '', spki: node.spki })).toThrow(
      RangeError,
    );
  });

  test('a random source that gives too few bytes makes no credential', () => {
    expect(activate(systemRandom)).toMatchObject({ ok: true });
    expect(() => activate((length) => systemRandom(length - 1))).toThrow(RangeError);
  });

  test('no two challenges share a nonce, a secret or a credential', () => {
    const challenges = Array.from({ length: 50 }, () => labChallenge(node));
    const activations = Array.from({ length: 50 }, () => activate(systemRandom));
    const values = [
      ...challenges.flatMap(({ nonce, activationSecret }) => [nonce, activationSecret]),
      ...activations.flatMap((made) => (made.ok ? [made.secret, made.credentialBlob, made.encryptedSecret] : [])),
    ].map(toHex);
    expect(new Set(values).size).toBe(250);
  });
});
