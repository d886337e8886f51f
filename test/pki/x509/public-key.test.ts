import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { bitString, nullValue, oid, sequence, unsignedInteger } from '#pki/x509/der-writer.ts';
import { CHAIN_KEYS, keyDenial, type KeyPolicy, REQUEST_KEYS } from '#pki/x509/key-policy.ts';
import { CURVE_OID, KEY_ALGORITHM } from '#pki/x509/oids.ts';
import { parsePublicKey, type PublicKey } from '#pki/x509/public-key.ts';
import { parseSpki } from '#pki/x509/spki.ts';

import { hex, outcome } from './outcome.ts';

const spki = (algorithm: readonly Bytes[], key: Bytes): Bytes => sequence(sequence(...algorithm), bitString(key));
const parse = (der: Bytes): PublicKey => parsePublicKey(parseSpki(der));

const MODULUS = Buffer.alloc(256, 0xff);
const F4 = hex('010001');
const rsaKey = (...more: readonly Bytes[]): Buffer => sequence(unsignedInteger(MODULUS), unsignedInteger(F4), ...more);
const RSA = [oid(KEY_ALGORITHM.rsaEncryption), nullValue()];
const EC = [oid(KEY_ALGORITHM.ecPublicKey), oid(CURVE_OID['P-256'])];
const ED25519 = oid(KEY_ALGORITHM.ed25519);
const POINT = Buffer.concat([hex('04'), Buffer.alloc(64, 1)]);

describe('a public key', () => {
  test.each<[string, Bytes, string]>([
    ['RSA', spki(RSA, rsaKey()), 'accepted'],
    ['RSA without parameters', spki(RSA.slice(0, 1), rsaKey()), 'bad-value'],
    ['RSA with a third number', spki(RSA, rsaKey(unsignedInteger(F4))), 'trailing-bytes'],
    ['RSA with bytes after the numbers', spki(RSA, Buffer.concat([rsaKey(), nullValue()])), 'trailing-bytes'],
    ['EC', spki(EC, POINT), 'accepted'],
    ['EC without a curve', spki(EC.slice(0, 1), POINT), 'bad-value'],
    ['EC with the point compressed', spki(EC, Buffer.concat([hex('02'), Buffer.alloc(32, 1)])), 'bad-value'],
    ['EC with the point in the hybrid form', spki(EC, Buffer.concat([hex('06'), POINT.subarray(1)])), 'bad-value'],
    ['EC with the point a byte short', spki(EC, POINT.subarray(0, -1)), 'bad-value'],
    ['EC with a byte after the point', spki(EC, Buffer.concat([POINT, hex('00')])), 'bad-value'],
    ['Ed25519', spki([ED25519], Buffer.alloc(32)), 'accepted'],
    ['Ed25519 with parameters', spki([ED25519, nullValue()], Buffer.alloc(32)), 'bad-value'],
    ['Ed25519 a byte short', spki([ED25519], Buffer.alloc(31)), 'bad-value'],
  ])('%s', (_, der, expected) => {
    expect(outcome(() => parse(der))).toBe(expected);
  });

  test('of a curve or an algorithm that is not known says which', () => {
    const secp256k1 = '1.3.132.0.10';
    expect(parse(spki([oid(KEY_ALGORITHM.ecPublicKey), oid(secp256k1)], POINT))).toEqual({
      type: 'unsupported',
      oid: secp256k1,
    });
    expect(parse(spki([oid('1.2.3')], POINT))).toEqual({ type: 'unsupported', oid: '1.2.3' });
  });

  test.each([
    [KEY_ALGORITHM.rsassaPss, 'pss'],
    [KEY_ALGORITHM.rsaesOaep, 'oaep'],
  ])('RSA that %s limits says so', (algorithm, restriction) => {
    expect(parse(spki([oid(algorithm)], rsaKey()))).toMatchObject({ type: 'rsa', restriction });
  });

  test.each([2_048, 2_056, 3_072])('RSA of %i bits has as many', (modulusLength) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength });
    expect(parse(publicKey.export({ type: 'spki', format: 'der' }))).toMatchObject({ modulusBits: modulusLength });
  });

  test('RSA whose first bits are zero has so many fewer', () => {
    const key = sequence(unsignedInteger(Buffer.concat([hex('01'), MODULUS.subarray(1)])), unsignedInteger(F4));
    expect(parse(spki(RSA, key))).toMatchObject({ modulusBits: 2_041 });
  });
});

describe('a key policy', () => {
  const rsa = (modulusBits: number, exponent = '010001'): PublicKey => ({
    type: 'rsa',
    restriction: 'none',
    modulus: Buffer.alloc(0),
    modulusBits,
    exponent: hex(exponent),
  });
  const ec = (curve: 'P-256' | 'P-384' | 'P-521'): PublicKey => ({ type: 'ec', curve, point: POINT });
  const ODD: KeyPolicy = { ...CHAIN_KEYS, rsaExponent: 'odd' };

  test.each<[string, PublicKey, KeyPolicy, string | undefined]>([
    ['RSA of 2048 bits', rsa(2_048), CHAIN_KEYS, undefined],
    ['RSA of 2047 bits', rsa(2_047), CHAIN_KEYS, 'key-size-refused'],
    ['RSA of 2040 bits', rsa(2_040), CHAIN_KEYS, 'key-size-refused'],
    ['RSA of 2052 bits', rsa(2_052), CHAIN_KEYS, 'key-size-refused'],
    ['RSA of 4096 bits', rsa(4_096), CHAIN_KEYS, undefined],
    ['RSA of 4104 bits', rsa(4_104), CHAIN_KEYS, 'key-size-refused'],
    ['RSA where none is taken', rsa(2_048), { ...CHAIN_KEYS, rsaBits: undefined }, 'key-type-refused'],
    ['the exponent 3', rsa(2_048, '03'), CHAIN_KEYS, 'key-exponent-refused'],
    ['an exponent that is 65537 only in its last bytes', rsa(2_048, '0100010001'), CHAIN_KEYS, 'key-exponent-refused'],
    ['the exponent 3, where odd ones are taken', rsa(2_048, '03'), ODD, undefined],
    ['the exponent 1', rsa(2_048, '01'), ODD, 'key-exponent-refused'],
    ['an even exponent', rsa(2_048, '010002'), ODD, 'key-exponent-refused'],
    ['an exponent of four bytes', rsa(2_048, 'ffffffff'), ODD, undefined],
    ['an exponent of five bytes', rsa(2_048, '0100000001'), ODD, 'key-exponent-refused'],
    ['P-521', ec('P-521'), CHAIN_KEYS, undefined],
    ['P-521 in a request', ec('P-521'), REQUEST_KEYS, 'key-type-refused'],
    ['P-384 in a request', ec('P-384'), REQUEST_KEYS, undefined],
    ['Ed25519', { type: 'ed25519' }, CHAIN_KEYS, 'key-type-refused'],
    ['Ed25519 where it is taken', { type: 'ed25519' }, { ...CHAIN_KEYS, ed25519: true }, undefined],
    ['a key of no known type', { type: 'unsupported', oid: '1.2.3' }, CHAIN_KEYS, 'key-type-refused'],
  ])('on %s', (_, key, policy, denial) => {
    expect(keyDenial(key, policy)).toBe(denial);
  });
});
