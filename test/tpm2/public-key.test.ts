import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { vectorJson } from '#test/lab/vectors.ts';
import { type EccPublicArea, parsePublicArea, type RsaPublicArea } from '#tpm2/public-area.ts';
import { leftPad, publicAreaKey, publicAreaSpki } from '#tpm2/public-key.ts';

const AREAS = vectorJson<Record<string, string>>('generated-swtpm/public-areas.json');

function rsa(override: Partial<RsaPublicArea>): RsaPublicArea {
  const area = parsePublicArea(fromHex(AREAS['ak_rsa2048'] ?? ''));
  if (area.type !== 'rsa') throw new Error('not RSA');
  return { ...area, ...override };
}

function ecc(override: Partial<EccPublicArea>): EccPublicArea {
  const area = parsePublicArea(fromHex(AREAS['ak_p256'] ?? ''));
  if (area.type !== 'ecc') throw new Error('not ECC');
  return { ...area, ...override };
}

const BAD = expect.objectContaining({ name: 'Tpm2FormatError', code: 'bad-value' });

describe('publicAreaKey', () => {
  test('takes exponent 0 for 65537', () => {
    expect(publicAreaKey(rsa({})).asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65537n });
    expect(publicAreaSpki(rsa({ exponent: 65537 }))).toEqual(publicAreaSpki(rsa({ exponent: 0 })));
  });

  test('takes exponent 3, the least that may be', () => {
    expect(publicAreaKey(rsa({ exponent: 3 })).asymmetricKeyDetails).toMatchObject({ publicExponent: 3n });
  });

  test.each([
    ['an even exponent', { exponent: 65536 }],
    ['exponent 1', { exponent: 1 }],
    ['a modulus a byte short', { modulus: rsa({}).modulus.subarray(1) }],
    ['an empty modulus, as in a template', { modulus: new Uint8Array() }],
    ['a modulus of zeros, as in a template', { modulus: new Uint8Array(256) }],
    ['a modulus without its top bit', { modulus: Buffer.concat([Buffer.of(0x7f), rsa({}).modulus.subarray(1)]) }],
    ['an even modulus', { modulus: Buffer.concat([rsa({}).modulus.subarray(0, -1), Buffer.of(0xfe)]) }],
  ])('refuses %s', (_what, override) => {
    expect(() => publicAreaKey(rsa(override))).toThrow(BAD);
  });

  test('takes a point whose coordinates lost their leading zeros', () => {
    const p384 = parsePublicArea(fromHex(AREAS['ek_p384_H3'] ?? ''));
    expect(publicAreaKey(p384).asymmetricKeyDetails).toEqual({ namedCurve: 'secp384r1' });
    // The base point of P-521 has an x coordinate of 65 significant bytes.
    const x =
      'c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66';
    const y =
      '011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650';
    const stripped = publicAreaSpki(ecc({ curve: 'P-521', x: fromHex(x), y: fromHex(y) }));
    expect(stripped).toEqual(publicAreaSpki(ecc({ curve: 'P-521', x: fromHex(`00${x}`), y: fromHex(y) })));
  });

  test.each([
    ['a point off the curve', { x: Buffer.concat([Buffer.of(1), ecc({}).x.subarray(1)]) }],
    ['the point at infinity', { x: new Uint8Array(32), y: new Uint8Array(32) }],
    ['a point of another curve', { curve: 'P-384' as const }],
    ['the empty point of a template', { x: new Uint8Array(), y: new Uint8Array() }],
    ['a coordinate not less than the prime', { x: new Uint8Array(32).fill(0xff) }],
  ])('refuses %s', (_what, override) => {
    expect(() => publicAreaKey(ecc(override))).toThrow(BAD);
  });

  test('refuses a keyed-hash object', () => {
    const area = parsePublicArea(
      fromHex('0008000b000000d20000001000200000000000000000000000000000000000000000000000000000000000000000'),
    );
    expect(() => publicAreaKey(area)).toThrow(BAD);
  });
});

describe('publicAreaSpki', () => {
  test('is rsaEncryption with NULL parameters, or a named curve and an uncompressed point', () => {
    const rsaPrefix = '30820122300d06092a864886f70d01010105000382010f003082010a0282010100';
    expect(toHex(publicAreaSpki(rsa({})))).toBe(`${rsaPrefix}${toHex(rsa({}).modulus)}0203010001`);
    const eccPrefix = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';
    expect(toHex(publicAreaSpki(ecc({})))).toBe(`${eccPrefix}${toHex(ecc({}).x)}${toHex(ecc({}).y)}`);
  });
});

describe('leftPad', () => {
  test('fills up with zeros and refuses what is too long', () => {
    expect(toHex(leftPad(fromHex('01'), 3))).toBe('000001');
    expect(() => leftPad(fromHex('01020304'), 3)).toThrow(/size-out-of-range/);
  });
});
