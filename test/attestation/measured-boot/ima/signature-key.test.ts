import { createECDH, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { CURVES } from '#attestation/measured-boot/ima/curves.ts';
import { type Curve, type Point, verifyEcdsaDigest } from '#attestation/measured-boot/ima/ecdsa-digest.ts';
import { signatureKey } from '#attestation/measured-boot/ima/signature-key.ts';
import { vectorBytes } from '#test/lab/vectors.ts';
import { parseImaSignature } from '#tpm2/ima-log/signature.ts';

const text = (file: string) => Buffer.from(vectorBytes(`keylime-ima/${file}`)).toString('latin1');
const number = (base64url: string | undefined) =>
  BigInt(`0x${Buffer.from(base64url ?? '', 'base64url').toString('hex')}`);

describe('keylime’s signatures', () => {
  const entries = text('signatures.txt')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));
  const keys = ['rsa2048pub.pem', 'secp256k1pub.pem'].map((file) => signatureKey(text(file)));

  test.each([
    [0, 'RSA'],
    [1, 'ECDSA on secp256k1'],
  ])('%d, %s, is its key’s and no other’s', (at) => {
    const [, , , name = '', , hex = ''] = entries[at] ?? [];
    const value = fromHex(name.replace('sha256:', ''));
    const { keyId, hash, signature } = parseImaSignature(fromHex(hex));
    expect(keys.map((key) => key?.verifies(hash, value, signature))).toEqual([at === 0, at === 1]);
    expect(keys[at]?.keyId).toBe(toHex(keyId));
    expect(keys[at]?.verifies(hash, digest('sha256', value), signature)).toBe(false);
  });
});

test('a key is named by the last bytes of the SHA-1 of its bits', () => {
  const pem = text('secp256k1pub.pem');
  const { x = '', y = '' } = createPublicKey(pem).export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  expect(signatureKey(pem)?.keyId).toBe(toHex(digest('sha1', point)).slice(-8));
});

describe('a malformed signature is no signature', () => {
  const message = utf8('message');
  const value = digest('sha256', message);
  const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

  test('of RSA', () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = signatureKey(pemOf(pair.publicKey));
    const good = sign('sha256', message, pair.privateKey);
    expect(key?.verifies('sha256', value, good)).toBe(true);
    expect(key?.verifies('sha512', value, good)).toBe(false);
    expect(key?.verifies('sha1', digest('sha1', message), sign('sha1', message, pair.privateKey))).toBe(false);
    expect(key?.verifies('sha256', value, good.subarray(1))).toBe(false);
    expect(key?.verifies('sha256', value, Buffer.concat([Buffer.of(0), good]))).toBe(false);
    expect(key?.verifies('sha256', value, Buffer.alloc(256, 0xff))).toBe(false);
    expect(key?.verifies('sha256', value, new Uint8Array())).toBe(false);
  });

  test('of ECDSA', () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = signatureKey(pemOf(pair.publicKey));
    const good = sign('sha256', message, pair.privateKey);
    const verdict = (signature: Uint8Array) => key?.verifies('sha256', value, signature);
    expect(verdict(good)).toBe(true);
    const body = good.subarray(2);
    const sequence = (...parts: readonly Uint8Array[]) => {
      const content = Buffer.concat(parts);
      return Buffer.concat([Buffer.of(0x30, content.byteLength), content]);
    };
    expect(verdict(sequence(body))).toBe(true);
    expect(verdict(sequence(body, Buffer.of(5, 0)))).toBe(false);
    expect(verdict(Buffer.concat([good, Buffer.of(0)]))).toBe(false);
    expect(verdict(good.subarray(0, -1))).toBe(false);
    expect(verdict(sequence(body.subarray(0, 2 + (body[1] ?? 0))))).toBe(false);
    expect(verdict(sequence())).toBe(false);
    expect(verdict(new Uint8Array())).toBe(false);
  });

  test('and other keys are none', () => {
    expect(signatureKey(pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey))).toBeUndefined();
    expect(signatureKey(pemOf(generateKeyPairSync('ed25519').publicKey))).toBeUndefined();
    expect(signatureKey(pemOf(generateKeyPairSync('ec', { namedCurve: 'P-224' }).publicKey))).toBeUndefined();
    expect(signatureKey('')).toBeUndefined();
    expect(signatureKey('-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n')).toBeUndefined();
  });
});

describe('verifyEcdsaDigest', () => {
  const MESSAGE = utf8('message');
  const pairOf = (name: string) => generateKeyPairSync('ec', { namedCurve: name });
  const pointOf = (pair: ReturnType<typeof pairOf>): Point => {
    const { x, y } = pair.publicKey.export({ format: 'jwk' });
    return { x: number(x), y: number(y) };
  };
  const curveOf = (name: string): Curve => {
    const curve = CURVES.get(name);
    if (curve === undefined) throw new RangeError(name);
    return curve;
  };
  const split = (signature: Buffer) => {
    const half = signature.byteLength / 2;
    return { r: BigInt(`0x${toHex(signature.subarray(0, half))}`), s: BigInt(`0x${toHex(signature.subarray(half))}`) };
  };

  test.each(['P-256', 'P-384', 'P-521', 'secp256k1'])('agrees with OpenSSL on %s', (name) => {
    const pair = pairOf(name);
    const property = fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.constantFrom('sha256', 'sha384', 'sha512'),
      fc.nat(),
      (message, hash, flip) => {
        const signature = split(sign(hash, message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }));
        const value = digest(hash, message);
        const verify = (bytes: Uint8Array) => verifyEcdsaDigest(curveOf(name), pointOf(pair), bytes, signature);
        // The last bits of a digest that is longer than the order count for nothing.
        const used = Math.min(value.byteLength * 8, curveOf(name).n.toString(2).length);
        const other = Buffer.from(value);
        const bit = flip % used;
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
        return verify(value) && !verify(other);
      },
    );
    expect(() => fc.assert(property, { numRuns: 20 })).not.toThrow();
  });

  const pair = pairOf('P-256');
  const curve = curveOf('P-256');
  const key = pointOf(pair);
  const value = digest('sha256', MESSAGE);
  const good = split(sign('sha256', MESSAGE, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }));
  test.each([
    ['as it is', good, true],
    ['with −s, which is the same to ECDSA', { ...good, s: curve.n - good.s }, true],
    ['with r + 1', { ...good, r: good.r + 1n }, false],
    ['with s + 1', { ...good, s: good.s + 1n }, false],
    ['with r = 0', { ...good, r: 0n }, false],
    ['with s = 0', { ...good, s: 0n }, false],
    ['with r = n', { ...good, r: curve.n }, false],
    ['with s = n', { ...good, s: curve.n }, false],
    ['with r + n', { ...good, r: good.r + curve.n }, false],
    ['with s + n', { ...good, s: good.s + curve.n }, false],
    ['with a negative r', { ...good, r: -good.r }, false],
  ])('a signature %s', (_what, signature, expected) => {
    expect(verifyEcdsaDigest(curve, key, value, signature)).toBe(expected);
  });

  test('is over no digest that is empty', () => {
    expect(verifyEcdsaDigest(curve, key, new Uint8Array(), good)).toBe(false);
  });

  // With k = d the point R is Q, r its x, and s = (z + r·d)/d; for z = 0 that is r, and t·G is the point at infinity.
  test('holds where the point that is added is the key, its opposite, or none', () => {
    const { d } = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()).export({
      format: 'jwk',
    });
    const secret = number(d);
    const r = key.x % curve.n;
    const zero = new Uint8Array(32);
    expect(verifyEcdsaDigest(curve, key, zero, { r, s: r })).toBe(true);
    expect(verifyEcdsaDigest(curve, key, zero, { r, s: r + 1n })).toBe(false);
    // z = r·d makes t·G the key itself, so that it is doubled: s = (z + r·d)/k with k = d is 2r.
    const encode = (z: bigint) => fromHex((z % curve.n).toString(16).padStart(64, '0'));
    expect(verifyEcdsaDigest(curve, key, encode(r * secret), { r, s: (2n * r) % curve.n })).toBe(true);
    // z = −r·d makes it the opposite: the sum is the point at infinity, which no signature has.
    expect(verifyEcdsaDigest(curve, key, encode(r * (curve.n - secret)), { r, s: 1n })).toBe(false);
  });

  test('has the numbers of the curves right', () => {
    for (const { openSsl, p, a, size } of CURVES.values()) {
      const ecdh = createECDH(openSsl);
      const one = ecdh.generateKeys();
      const two = createECDH(openSsl).generateKeys();
      const b = (point: Buffer) => {
        const x = BigInt(`0x${toHex(point.subarray(1, 1 + size))}`);
        const y = BigInt(`0x${toHex(point.subarray(1 + size))}`);
        return (((y * y - x * x * x - a * x) % p) + p) % p;
      };
      expect(b(one)).toBe(b(two));
    }
  });
});
