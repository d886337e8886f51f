import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import { writePublicArea } from '#tpm2/public-area.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { rsaArea } from '#test/lab/tpm-keys.ts';
import { vectorJson } from '#test/lab/vectors.ts';

/**
 * A product of two primes k·M + (65537^a mod M), M the product of the first 126 primes: what Infineon's generator made (CVE-2017-15361).
 * Computed for this test.
 */
const ROCA_MODULUS = fromHex(
  'c67283fb8050b33dab76a1620027bf49c846c6e6b3350f04b86f48d662d81c240e0b42d204b215f5c64c3310b0c341960044' +
    'a5c182dcc2bda5c58b0b9594cdfc8403757d9599082a302115393753ca5e789031a9be6cec45066acff6e55ee70a038c75c3' +
    'ca561f492752e821a22b2e5c6bbcca9fbeb4d947ed0c1d8a73a2f310b0a4ecb698259c825aa0086999161a60f3d9472ab58b' +
    '9a35b5b3121ea50c4dd3351e0270b6ab2291b2afc152ee7f3f7582c3d3879a94ebed96abcc93e2bb6cd7d4b2f1d0d357626a' +
    '42573406bf91011c9b56d86d997a9d3d9ab65a42dd28a0ff918e6dacfc0447e253192ec77c5bcfeb507c8cb2ab241dc8047a' +
    '3395ee3f5539',
);

describe('building an activation', () => {
  test.each([
    { ek: 'rsa', ak: 'p256' },
    { ek: 'p256', ak: 'p384' },
    { ek: 'p384', ak: 'rsassa' },
  ] as const)('gives a secret that the TPM with both keys recovers: %o', (options) => {
    const tpm = labTpm(options);
    const made = buildActivation({ ekPublic: tpm.ekPublic, akPublic: tpm.akPublic, random: systemRandom });
    if (!made.ok) throw new Error(made.denial.code);
    expect(made.secret).toHaveLength(32);
    expect(made.ekFingerprint).toBe(tpm.ekFingerprint);
    expect(toHex(tpm.activateCredential(made.credentialBlob, made.encryptedSecret))).toBe(toHex(made.secret));
  });

  test.each(['ek_rsa2048_L1', 'ek_p256_L2', 'ek_p384_H3'] as const)('takes the EK of a real TPM: %s', (kind) => {
    const areas = vectorJson<Record<typeof kind | 'ak_p256', string>>('generated-swtpm/public-areas.json');
    const keys = { ekPublic: fromHex(areas[kind]), akPublic: fromHex(areas.ak_p256) };
    expect(buildActivation({ ...keys, random: systemRandom })).toMatchObject({ ok: true });
  });

  test('refuses an AK in the place of the EK, and the EK in the place of the AK', () => {
    const { ekPublic, akPublic } = labTpm();
    expect(buildActivation({ ekPublic: akPublic, akPublic, random: systemRandom })).toMatchObject({
      ok: false,
      denial: { code: 'ek-template-unsafe' },
    });
    expect(buildActivation({ ekPublic, akPublic: ekPublic, random: systemRandom })).toMatchObject({
      ok: false,
      denial: { code: 'ak-attributes-unsafe' },
    });
  });

  test('refuses RSA keys that can be factored', () => {
    const tpm = labTpm({ ek: 'rsa', ak: 'rsassa' });
    const weak = (area: typeof tpm.ekArea) => writePublicArea({ ...rsaArea(area), modulus: ROCA_MODULUS });
    const rows = [
      { ekPublic: tpm.ekPublic, akPublic: tpm.akPublic },
      { ekPublic: weak(tpm.ekArea), akPublic: tpm.akPublic },
      { ekPublic: tpm.ekPublic, akPublic: weak(tpm.akArea) },
    ];
    const outcomes = rows.map((keys) => buildActivation({ ...keys, random: systemRandom }));
    expect(outcomes).toMatchObject([
      { ok: true },
      { ok: false, denial: { code: 'key-known-weak', found: 'rsa-roca' } },
      { ok: false, denial: { code: 'key-known-weak', found: 'rsa-roca' } },
    ]);
  });

  test('refuses bytes that are no public area', () => {
    const { ekPublic } = labTpm();
    expect(buildActivation({ ekPublic, akPublic: Buffer.of(1, 2, 3), random: systemRandom })).toMatchObject({
      ok: false,
      denial: { code: 'evidence-malformed' },
    });
  });
});
