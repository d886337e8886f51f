import { constants, createPrivateKey, privateDecrypt } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { fromHex, toBase64Url, toHex, utf8 } from '#core/bytes.ts';
import { DIGEST_SIZE } from '#core/digest.ts';
import { systemRandom } from '#core/random.ts';
import { vectorJson } from '#test/lab/vectors.ts';
import { parsePublicArea, type RsaPublicArea } from '#tpm2/public-area.ts';
import { Reader } from '#tpm2/reader.ts';
import { type SecretLabel, shareSeed } from '#tpm2/secret-sharing.ts';

interface SharingVector {
  readonly Name: string;
  readonly Label: SecretLabel;
  readonly EphemeralPrivate: string;
  readonly PublicKey: string;
  readonly PrivateKey: string;
  readonly Secret: string;
  readonly Ciphertext: string;
}

describe('shareSeed to an ECC key', () => {
  const vectors = vectorJson<SharingVector[]>('google-go-tpm/ecc_labeled_encaps.json').filter(
    ({ Label }) => Label === 'IDENTITY' || Label === 'DUPLICATE' || Label === 'SECRET',
  );

  test.each(vectors)('gives go-tpm vector $Name', (vector) => {
    const area = parsePublicArea(fromHex(vector.PublicKey));
    const { seed, encryptedSecret } = shareSeed(area, vector.Label, () => fromHex(vector.EphemeralPrivate));
    expect({ seed: toHex(seed), encryptedSecret: toHex(encryptedSecret) }).toEqual({
      seed: vector.Secret,
      encryptedSecret: vector.Ciphertext,
    });
  });

  test('has all the vectors', () => {
    expect(vectors).toHaveLength(100);
  });

  test('throws away ephemeral keys that are out of range', () => {
    const area = parsePublicArea(fromHex(vectors[0]?.PublicKey ?? ''));
    const order = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
    const good = fromHex(vectors[0]?.EphemeralPrivate ?? '');
    const candidates = [new Uint8Array(32).fill(0xff), order, new Uint8Array(32), good];
    const { encryptedSecret } = shareSeed(area, 'IDENTITY', () => candidates.shift() ?? new Uint8Array());
    expect(toHex(encryptedSecret)).toBe(vectors[0]?.Ciphertext);
    expect(candidates).toHaveLength(0);
  });

  test('refuses a key off its curve', () => {
    const hex = vectors[0]?.PublicKey ?? '';
    const off = fromHex(hex.slice(0, -2) + (hex.endsWith('00') ? '01' : '00'));
    expect(() => shareSeed(parsePublicArea(off), 'IDENTITY', systemRandom)).toThrow(/bad-value/);
  });
});

describe('shareSeed to an RSA key', () => {
  const vectors = vectorJson<SharingVector[]>('google-go-tpm/rsa_labeled_encaps.json');

  test.each(vectors)('pads as go-tpm vector $Name does, so that one key opens both', (vector) => {
    const area = parsePublicArea(fromHex(vector.PublicKey));
    if (area.type !== 'rsa') throw new Error('not RSA');
    const open = (ciphertext: Uint8Array) =>
      privateDecrypt(
        {
          key: privateKey(area, vector.PrivateKey),
          padding: constants.RSA_PKCS1_OAEP_PADDING,
          oaepHash: area.scheme.kind === 'oaep' ? area.scheme.hash : area.nameAlg,
          oaepLabel: utf8(`${vector.Label}\0`),
        },
        ciphertext,
      );
    expect(toHex(open(fromHex(vector.Ciphertext)))).toBe(vector.Secret);
    const { seed, encryptedSecret } = shareSeed(area, vector.Label, () => fromHex(vector.Secret));
    expect(toHex(seed)).toBe(vector.Secret);
    expect(toHex(open(encryptedSecret))).toBe(vector.Secret);
  });

  test('asks for a fresh seed as long as a digest of the name algorithm', () => {
    const asked: number[] = [];
    const area = parsePublicArea(fromHex(vectors[0]?.PublicKey ?? ''));
    shareSeed(area, 'IDENTITY', (length) => {
      asked.push(length);
      return systemRandom(length);
    });
    expect(asked).toEqual([DIGEST_SIZE[area.nameAlg]]);
  });
});

test('a keyed-hash object receives no secret', () => {
  const area = parsePublicArea(fromHex(`0008000b000000d2000000100020${'00'.repeat(32)}`));
  expect(() => shareSeed(area, 'IDENTITY', systemRandom)).toThrow(TypeError);
});

/** The RSA key whose first prime is in TPMT_SENSITIVE `sensitive`. */
function privateKey(area: RsaPublicArea, sensitive: string) {
  const reader = new Reader(fromHex(sensitive), 'TPMT_SENSITIVE');
  reader.u16();
  reader.sized();
  reader.sized();
  const p = integer(reader.sized());
  reader.end();
  const n = integer(area.modulus);
  const e = area.exponent === 0 ? 65537n : BigInt(area.exponent);
  const q = n / p;
  const d = inverse(e, (p - 1n) * (q - 1n));
  const key = { n, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const jwk = Object.fromEntries(Object.entries(key).map(([name, value]) => [name, toBase64Url(octets(value))]));
  return createPrivateKey({ format: 'jwk', key: { kty: 'RSA', ...jwk } });
}

function integer(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

function octets(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a !== 0n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
  }
  return ((y % modulus) + modulus) % modulus;
}
