import { verify } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { CURVE } from '#tpm2/constants.ts';
import { parsePublicArea } from '#tpm2/public-area.ts';
import { publicAreaKey } from '#tpm2/public-key.ts';
import { ecdsaP1363, parseSignature } from '#tpm2/signature.ts';

const CERTIFY = vectorJson<Record<string, string>>('generated-swtpm/certify-tls-key.json');
const ECDSA = CERTIFY['signature'] ?? '';

function verifyEcdsa(publicArea: string, signature: string, data: Uint8Array): boolean {
  const parsed = parseSignature(fromHex(signature));
  const area = parsePublicArea(fromHex(publicArea));
  if (parsed.scheme !== 'ecdsa' || area.type !== 'ecc') throw new Error('not ECDSA');
  const key = { key: publicAreaKey(area), dsaEncoding: 'ieee-p1363' } as const;
  return verify(parsed.hash, data, key, ecdsaP1363(parsed, area.curve));
}

describe('parseSignature', () => {
  test('reads an ECDSA signature that verifies', () => {
    expect(verifyEcdsa(CERTIFY['akPublic'] ?? '', ECDSA, fromHex(CERTIFY['attest'] ?? ''))).toBe(true);
    expect(verifyEcdsa(CERTIFY['tlsPublic'] ?? '', CERTIFY['tlsSignOver_hello'] ?? '', utf8('hello'))).toBe(true);
    expect(verifyEcdsa(CERTIFY['tlsPublic'] ?? '', ECDSA, fromHex(CERTIFY['attest'] ?? ''))).toBe(false);
  });

  test('reads an RSASSA signature that verifies', () => {
    const parsed = parseSignature(vectorBytes('keylime-tpm2-files/quotesig.out'));
    if (parsed.scheme !== 'rsassa') throw new Error('not RSASSA');
    const key = publicAreaKey(parsePublicArea(vectorBytes('keylime-tpm2-files/ak.pub').subarray(2)));
    expect(verify(parsed.hash, vectorBytes('keylime-tpm2-files/quote.out'), key, parsed.signature)).toBe(true);
  });

  test.each([
    ['null', '0010', { scheme: 'null' }],
    ['hmac', `0005000b${'ab'.repeat(32)}`, { scheme: 'hmac', hash: 'sha256', mac: fromHex('ab'.repeat(32)) }],
    ['rsapss', '0016000c0002abcd', { scheme: 'rsapss', hash: 'sha384', signature: fromHex('abcd') }],
    ['ecdaa', '001a000b0001ab0001cd', { scheme: 'ecdaa', hash: 'sha256', r: fromHex('ab'), s: fromHex('cd') }],
    ['sm2', '001b000b0001ab0001cd', { scheme: 'sm2', hash: 'sha256', r: fromHex('ab'), s: fromHex('cd') }],
    ['ecschnorr', '001c00040001ab0001cd', { scheme: 'ecschnorr', hash: 'sha1', r: fromHex('ab'), s: fromHex('cd') }],
  ])('names the scheme %s', (_scheme, hex, expected) => {
    expect(parseSignature(fromHex(hex))).toEqual(expected);
  });

  test.each([
    ['the signature as it is', fromHex(ECDSA), 'accepted'],
    ['an unknown scheme', fromHex(`ffff${ECDSA.slice(4)}`), 'unknown-selector'],
    ['an unknown hash', fromHex(`${ECDSA.slice(0, 4)}0012${ECDSA.slice(8)}`), 'unknown-selector'],
    ['r wider than any field', fromHex(`0018000b0043${'00'.repeat(0x43)}000101`), 'size-out-of-range'],
    ['s wider than any field', fromHex(`0018000b0001010043${'00'.repeat(0x43)}`), 'size-out-of-range'],
    ['an RSAPSS signature longer than any key', fromHex(`0016000b0201${'00'.repeat(0x201)}`), 'size-out-of-range'],
    ['an RSA signature longer than any key', fromHex(`0014000b0201${'00'.repeat(0x201)}`), 'size-out-of-range'],
    ['a byte too many', concatBytes(fromHex(ECDSA), Buffer.of(0)), 'trailing-bytes'],
    ['a byte too few', fromHex(ECDSA).subarray(0, -1), 'truncated'],
    ['something after NULL', fromHex('001000'), 'trailing-bytes'],
  ])('says what is wrong with %s', (_what, bytes, code) => {
    expect(formatCode(() => parseSignature(bytes))).toBe(code);
  });
});

describe('ecdsaP1363', () => {
  const order = (curve: 'P-256' | 'P-384' | 'P-521', plus = 0n) =>
    fromHex((CURVE[curve].order + plus).toString(16).padStart(CURVE[curve].size * 2, '0'));
  const one = fromHex('01');

  test.each(['P-256', 'P-384', 'P-521'] as const)('pads to the field of %s and takes 1 to n-1', (curve) => {
    const { size } = CURVE[curve];
    const top = order(curve, -1n);
    expect(toHex(ecdsaP1363({ r: one, s: top }, curve))).toBe(`01`.padStart(size * 2, '0') + toHex(top));
  });

  test.each([
    ['r = 0', { r: new Uint8Array(32), s: one }, 'bad-value'],
    ['an empty r', { r: new Uint8Array(), s: one }, 'bad-value'],
    ['s = 0', { r: one, s: new Uint8Array(1) }, 'bad-value'],
    ['r = n', { r: order('P-256'), s: one }, 'bad-value'],
    ['s = n', { r: one, s: order('P-256') }, 'bad-value'],
    ['s = 2^256-1', { r: one, s: new Uint8Array(32).fill(0xff) }, 'bad-value'],
    ['r wider than the field', { r: new Uint8Array(33), s: one }, 'size-out-of-range'],
  ])('refuses %s', (_what, pair, code) => {
    expect(() => ecdsaP1363(pair, 'P-256')).toThrow(expect.objectContaining({ code }));
  });
});
