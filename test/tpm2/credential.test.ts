import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { makeCredential, wrapSecret } from '#tpm2/credential.ts';
import { parsePublicArea } from '#tpm2/public-area.ts';
import { Reader } from '#tpm2/reader.ts';

interface CredentialVector {
  readonly ekPublic: string;
  readonly objectName: string;
  readonly credentialBlob_TPM2B_ID_OBJECT: string;
  readonly secret_TPM2B_ENCRYPTED_SECRET: string;
  readonly recoveredSecret: string;
  readonly intermediate: { readonly seed: string; readonly ephemD?: string };
}

const VECTORS = vectorJson<CredentialVector[]>('generated-swtpm/makecredential.json');

function inputOf(vector: CredentialVector) {
  return {
    ekPublic: parsePublicArea(fromHex(vector.ekPublic)),
    akName: fromHex(vector.objectName),
    secret: fromHex(vector.recoveredSecret),
    random: () => fromHex(vector.intermediate.ephemD ?? vector.intermediate.seed),
  };
}

describe('makeCredential', () => {
  test.each(VECTORS)('gives the credential that a TPM opened', (vector) => {
    const credential = makeCredential(inputOf(vector));
    expect(toHex(credential.credentialBlob)).toBe(vector.credentialBlob_TPM2B_ID_OBJECT);
    expect(credential.encryptedSecret).toHaveLength(vector.secret_TPM2B_ENCRYPTED_SECRET.length / 2);
  });

  test('gives the encrypted secret that a TPM opened', () => {
    // OAEP has a salt of its own, so only ECDH's can be the same; secret-sharing.test.ts opens OAEP ciphertexts.
    const ecc = VECTORS.filter(({ intermediate }) => intermediate.ephemD !== undefined);
    const given = ecc.map((vector) => toHex(makeCredential(inputOf(vector)).encryptedSecret));
    expect(given).toEqual(ecc.map((vector) => vector.secret_TPM2B_ENCRYPTED_SECRET));
    expect(given).toHaveLength(1);
  });

  test('binds the AK, the secret and the seed', () => {
    for (const vector of VECTORS) {
      const input = inputOf(vector);
      const blob = (override: object) => toHex(makeCredential({ ...input, ...override }).credentialBlob);
      const other = Buffer.from(input.akName);
      other[33] = (other[33] ?? 0) ^ 1;
      expect(blob({})).toBe(vector.credentialBlob_TPM2B_ID_OBJECT);
      expect(blob({ akName: other })).not.toBe(vector.credentialBlob_TPM2B_ID_OBJECT);
      expect(blob({ random: systemRandom })).not.toBe(vector.credentialBlob_TPM2B_ID_OBJECT);
    }
  });

  test('uses AES-256 and SHA-384 for an EK that says so', () => {
    const areas = vectorJson<Record<string, string>>('generated-swtpm/public-areas.json');
    const ekPublic = parsePublicArea(fromHex(areas['ek_p384_H3'] ?? ''));
    const { credentialBlob, encryptedSecret } = makeCredential({
      ekPublic,
      akName: fromHex(VECTORS[0]?.objectName ?? ''),
      secret: systemRandom(32),
      random: systemRandom,
    });
    const blob = new Reader(credentialBlob, 'TPM2B_ID_OBJECT').sizedReader('TPMS_ID_OBJECT');
    expect(blob.sized()).toHaveLength(48);
    expect(blob.remaining).toBe(2 + 32);
    const point = new Reader(encryptedSecret, 'TPM2B_ENCRYPTED_SECRET').sizedReader('TPMS_ECC_POINT');
    expect([point.sized(), point.sized()].map(({ byteLength }) => byteLength)).toEqual([48, 48]);
    point.end();
  });

  test('refuses a secret longer than a digest, and a key that stores nothing', () => {
    const [first] = VECTORS;
    if (first === undefined) throw new Error('no vectors');
    expect(() => makeCredential({ ...inputOf(first), secret: new Uint8Array(33) })).toThrow(RangeError);
    const areas = vectorJson<Record<string, string>>('generated-swtpm/public-areas.json');
    const ekPublic = parsePublicArea(fromHex(areas['ak_p256'] ?? ''));
    const notStorage = /storage key/;
    expect(() => makeCredential({ ...inputOf(first), ekPublic })).toThrow(notStorage);
    const keyedHash = parsePublicArea(fromHex(`0008000b000000d2000000100020${'00'.repeat(32)}`));
    expect(() => makeCredential({ ...inputOf(first), ekPublic: keyedHash })).toThrow(notStorage);
  });

  test('is laid out as tpm2-tools lays it out', () => {
    const reader = new Reader(vectorBytes('keylime-tpm2-files/mkcred.out'), 'tpm2-tools credential');
    expect([reader.u32(), reader.u32()]).toEqual([0xbadcc0de, 1]);
    const blob = reader.sizedReader('TPMS_ID_OBJECT');
    const secret = vectorBytes('keylime-tpm2-files/secret.data');
    expect(blob.sized()).toHaveLength(32);
    expect(blob.remaining).toBe(2 + secret.byteLength);
    expect(reader.sized()).toHaveLength(256);
    reader.end();
    const seed = new Uint8Array(32);
    const akName = vectorBytes('keylime-tpm2-files/ak.name');
    expect(wrapSecret({ hash: 'sha256', keyBits: 128, seed, akName, secret })).toHaveLength(2 + 32 + 2 + 9);
  });
});
