import { createECDH } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { algOfHash, CURVE, curveNameOf, hashNameOf, OBJECT_ATTRIBUTE_MASK } from '#tpm2/constants.ts';

describe('constants', () => {
  test.each(['P-256', 'P-384', 'P-521'] as const)('the order of %s is the one OpenSSL uses', (name) => {
    const { order, size, openssl, id } = CURVE[name];
    const scalar = (value: bigint) => fromHex(value.toString(16).padStart(size * 2, '0'));
    expect(() => createECDH(openssl).setPrivateKey(scalar(order - 1n))).not.toThrow();
    expect(() => createECDH(openssl).setPrivateKey(scalar(order))).toThrow(/not valid/);
    expect(curveNameOf(id)).toBe(name);
  });

  test('hash names and algorithm numbers are each other’s inverse', () => {
    for (const name of ['sha1', 'sha256', 'sha384', 'sha512'] as const) expect(hashNameOf(algOfHash(name))).toBe(name);
    expect(hashNameOf(0x0012)).toBeUndefined();
  });

  test('the defined attribute bits are those of TPMA_OBJECT', () => {
    expect(OBJECT_ATTRIBUTE_MASK).toBe(0x000f0cf6);
  });
});
