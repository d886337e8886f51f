import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { isDenial } from '#attestation/denial.ts';
import type { DenialCode } from '#attestation/result.ts';
import { readAttestationKey } from '#attestation/tpm2/attestation-key.ts';
import { OBJECT_ATTRIBUTE } from '#tpm2/constants.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { type PublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { eccArea, type LabAkKind, rsaArea } from '#test/lab/tpm-keys.ts';
import { vectorJson } from '#test/lab/vectors.ts';

const outcome = (area: PublicArea): DenialCode | 'accepted' => {
  const read = readAttestationKey(writePublicArea(area));
  return isDenial(read) ? read.code : 'accepted';
};

const ecc = eccArea(labTpm({ ak: 'p256' }).akArea);
const rsa = rsaArea(labTpm({ ak: 'rsassa' }).akArea);
const set = (area: PublicArea, bit: keyof typeof OBJECT_ATTRIBUTE): PublicArea => ({
  ...area,
  attributes: area.attributes | OBJECT_ATTRIBUTE[bit],
});
const clear = (area: PublicArea, bit: keyof typeof OBJECT_ATTRIBUTE): PublicArea => ({
  ...area,
  attributes: area.attributes & ~OBJECT_ATTRIBUTE[bit],
});

describe('reading an attestation key', () => {
  const ECC_ROWS: readonly [string, PublicArea, DenialCode | 'accepted'][] = [
    ['as the agent makes it', ecc, 'accepted'],
    ['with noDA', set(ecc, 'noDa'), 'accepted'],
    ['without userWithAuth', clear(ecc, 'userWithAuth'), 'accepted'],
    ['that may leave its TPM', clear(ecc, 'fixedTpm'), 'ak-attributes-unsafe'],
    ['that may get another parent', clear(ecc, 'fixedParent'), 'ak-attributes-unsafe'],
    ['that was made outside', clear(ecc, 'sensitiveDataOrigin'), 'ak-attributes-unsafe'],
    ['that is not restricted', clear(ecc, 'restricted'), 'ak-attributes-unsafe'],
    ['that does not sign', clear(ecc, 'sign'), 'ak-attributes-unsafe'],
    ['that also decrypts', set(ecc, 'decrypt'), 'ak-attributes-unsafe'],
    ['that may be duplicated', set(ecc, 'encryptedDuplication'), 'ak-attributes-unsafe'],
    ['that also signs X.509', set(ecc, 'x509Sign'), 'ak-attributes-unsafe'],
    ['without a scheme', { ...ecc, scheme: { kind: 'null' } }, 'ak-scheme-refused'],
    ['with SHA-1', { ...ecc, scheme: { kind: 'ecdsa', hash: 'sha1' } }, 'ak-scheme-refused'],
    ['with SHA-384', { ...ecc, scheme: { kind: 'ecdsa', hash: 'sha384' } }, 'accepted'],
    ['with SHA-512', { ...ecc, scheme: { kind: 'ecdsa', hash: 'sha512' } }, 'ak-scheme-refused'],
    ['for ECDAA', { ...ecc, scheme: { kind: 'ecdaa', hash: 'sha256', count: 0 } }, 'ak-scheme-refused'],
    ['for ECDH', { ...ecc, scheme: { kind: 'ecdh', hash: 'sha256' } }, 'ak-scheme-refused'],
    ['for SM2', { ...ecc, scheme: { kind: 'sm2', hash: 'sha256' } }, 'ak-scheme-refused'],
    ['with a cipher', { ...ecc, symmetric: { kind: 'aes-cfb', keyBits: 128 } }, 'ak-scheme-refused'],
    ['with a key derivation', { ...ecc, kdf: { kind: 'kdf2', hash: 'sha256' } }, 'ak-scheme-refused'],
    ['named with SHA-1', { ...ecc, nameAlg: 'sha1' }, 'ak-scheme-refused'],
    ['named with SHA-512', { ...ecc, nameAlg: 'sha512' }, 'ak-scheme-refused'],
    ['on P-521', { ...ecc, curve: 'P-521' }, 'ak-scheme-refused'],
  ];
  test.each(ECC_ROWS)('on P-256, %s', (_, area, expected) => {
    expect(outcome(area)).toBe(expected);
  });

  const RSA_ROWS: readonly [string, PublicArea, DenialCode | 'accepted'][] = [
    ['as the agent makes it', rsa, 'accepted'],
    ['with RSAPSS', { ...rsa, scheme: { kind: 'rsapss', hash: 'sha256' } }, 'accepted'],
    ['with the exponent written out', { ...rsa, exponent: 65_537 }, 'accepted'],
    ['with exponent 3', { ...rsa, exponent: 3 }, 'ak-scheme-refused'],
    ['of 1024 bits', { ...rsa, keyBits: 1024, modulus: rsa.modulus.subarray(0, 128) }, 'ak-scheme-refused'],
    ['for encryption', { ...rsa, scheme: { kind: 'oaep', hash: 'sha256' } }, 'ak-scheme-refused'],
    ['without a scheme', { ...rsa, scheme: { kind: 'null' } }, 'ak-scheme-refused'],
  ];
  test.each(RSA_ROWS)('of RSA, %s', (_, area, expected) => {
    expect(outcome(area)).toBe(expected);
  });

  test.each<LabAkKind>(['p256', 'p384', 'rsassa', 'rsapss'])(
    'of kind %s gives the Name that its TPM computes',
    (ak) => {
      const tpm = labTpm({ ak });
      const read = readAttestationKey(tpm.akPublic);
      expect(isDenial(read) ? read : toHex(read.name)).toBe(toHex(tpm.akName));
    },
  );

  test('gives the Names that a real TPM computed', () => {
    const areas = vectorJson<{ ak_p256: string; ak_rsa2048: string; names: Record<string, string> }>(
      'generated-swtpm/public-areas.json',
    );
    for (const kind of ['ak_p256', 'ak_rsa2048'] as const) {
      const read = readAttestationKey(Buffer.from(areas[kind], 'hex'));
      expect(isDenial(read) ? read : toHex(read.name)).toBe(areas.names[kind]);
    }
  });

  test('refuses the storage and TLS keys of a real TPM', () => {
    const areas = vectorJson<Record<'ek_rsa2048_L1' | 'srk_p256' | 'tls_p256', string>>(
      'generated-swtpm/public-areas.json',
    );
    for (const kind of ['ek_rsa2048_L1', 'srk_p256', 'tls_p256'] as const) {
      expect(readAttestationKey(Buffer.from(areas[kind], 'hex'))).toMatchObject({ code: 'ak-attributes-unsafe' });
    }
  });

  test('refuses a keyed-hash object', () => {
    const area: PublicArea = {
      type: 'keyedhash',
      nameAlg: 'sha256',
      attributes: ecc.attributes,
      authPolicy: new Uint8Array(),
      scheme: { kind: 'hmac', hash: 'sha256' },
      unique: new Uint8Array(32),
    };
    expect(outcome(area)).toBe('ak-attributes-unsafe');
  });

  test('throws on a point off its curve, on zero and on trailing bytes', () => {
    const off = { ...ecc, y: Buffer.from(ecc.y).fill(1, 31) };
    const zero = { ...ecc, x: new Uint8Array(32), y: new Uint8Array(32) };
    expect(() => readAttestationKey(writePublicArea(off))).toThrow(Tpm2FormatError);
    expect(() => readAttestationKey(writePublicArea(zero))).toThrow(Tpm2FormatError);
    expect(() => readAttestationKey(Buffer.concat([writePublicArea(ecc), Buffer.of(0)]))).toThrow(Tpm2FormatError);
  });
});
