import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { parseAlgorithm } from '#pki/x509/algorithm.ts';
import {
  bitString,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  tagged,
  unsignedInteger,
} from '#pki/x509/der-writer.ts';
import { DIGEST_OID, KEY_ALGORITHM, MGF1 } from '#pki/x509/oids.ts';
import { type SignatureInput, verifySignature } from '#pki/x509/signature.ts';
import { CHAIN_SIGNATURES, type SignaturePolicy } from '#pki/x509/signature-policy.ts';
import { parseSpki } from '#pki/x509/spki.ts';

import { spkiOf } from './lab.ts';
import { hex } from './outcome.ts';

const DATA = Buffer.from('the bytes that were signed');
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const EC_521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const ED = generateKeyPairSync('ed25519').privateKey;

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const RSA_SHA256 = sequence(oid('1.2.840.113549.1.1.11'), nullValue());
const RSA_SHA1 = sequence(oid('1.2.840.113549.1.1.5'), nullValue());
const RSA_MD5 = sequence(oid('1.2.840.113549.1.1.4'), nullValue());
const ED25519 = sequence(oid(KEY_ALGORITHM.ed25519));

interface Pss {
  readonly hash?: string;
  readonly mgfHash?: string;
  readonly salt?: number;
  readonly trailer?: boolean;
}

function pss({ hash = DIGEST_OID.sha256, mgfHash = hash, salt = 32, trailer = false }: Pss = {}): Bytes {
  const digest = (name: string): Bytes => sequence(oid(name), nullValue());
  const parts = [tagged(0, digest(hash)), tagged(1, sequence(oid(MGF1), digest(mgfHash))), tagged(2, integer(salt))];
  return sequence(oid(KEY_ALGORITHM.rsassaPss), sequence(...parts, ...(trailer ? [tagged(3, integer(1))] : [])));
}

const signPss = (saltLength: number, hash = 'sha256'): Bytes =>
  sign(hash, DATA, { key: RSA, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

/** The key of `key` under another algorithm identifier. */
const renamed = (key: KeyObject, algorithm: Bytes): Bytes => sequence(algorithm, bitString(parseSpki(spkiOf(key)).key));

interface Case {
  readonly algorithm?: Bytes;
  readonly spki?: Bytes;
  readonly data?: Bytes;
  readonly signature?: Bytes;
  readonly policy?: Partial<SignaturePolicy>;
  readonly ecdsaEncoding?: SignatureInput['ecdsaEncoding'];
}

function verdict(one: Case): string {
  const result = verifySignature({
    algorithm: parseAlgorithm(one.algorithm ?? ECDSA_SHA256),
    spki: parseSpki(one.spki ?? spkiOf(EC)),
    data: one.data ?? DATA,
    signature: one.signature ?? sign('sha256', DATA, EC),
    policy: { ...CHAIN_SIGNATURES, ...one.policy },
    ecdsaEncoding: one.ecdsaEncoding,
  });
  return result.ok ? 'valid' : result.code;
}

describe('ECDSA', () => {
  const der = sign('sha256', DATA, EC);
  const p1363 = sign('sha256', DATA, { key: EC, dsaEncoding: 'ieee-p1363' });
  const [r, s] = [p1363.subarray(0, 32), p1363.subarray(32)];
  const rs = (first: Bytes, second: Bytes): Bytes => sequence(first, second);

  test.each<[string, Case, string]>([
    ['a good signature', {}, 'valid'],
    ['other data', { data: Buffer.from('other') }, 'signature-invalid'],
    [
      'another key',
      { spki: spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey) },
      'signature-invalid',
    ],
    ['P-521 with SHA-256', { spki: spkiOf(EC_521), signature: sign('sha256', DATA, EC_521) }, 'valid'],
    [
      'a curve that the policy leaves out',
      {
        spki: spkiOf(EC_521),
        signature: sign('sha256', DATA, EC_521),
        policy: { keys: { ...CHAIN_SIGNATURES.keys, curves: new Set(['P-256'] as const) } },
      },
      'key-type-refused',
    ],
    ['a policy without schemes', { policy: { schemes: new Set() } }, 'signature-algorithm-refused'],
    ['a byte after the signature', { signature: Buffer.concat([der, hex('00')]) }, 'signature-malformed'],
    [
      'a zero byte before r',
      { signature: rs(Buffer.concat([hex('022200'), hex('00'), r]), unsignedInteger(s)) },
      'signature-malformed',
    ],
    ['a negative r', { signature: rs(hex('0201ff'), unsignedInteger(s)) }, 'signature-malformed'],
    [
      'an r longer than the order',
      { signature: rs(hex(`0221 01${'00'.repeat(32)}`), unsignedInteger(s)) },
      'signature-malformed',
    ],
    ['r and s of zero', { signature: rs(integer(0), integer(0)) }, 'signature-invalid'],
    ['an empty signature', { signature: hex('') }, 'signature-malformed'],
    ['the two numbers at full length, as in X.509', { signature: p1363 }, 'signature-malformed'],
    ['the two numbers at full length, as in JWS', { signature: p1363, ecdsaEncoding: 'ieee-p1363' }, 'valid'],
    ['a sequence, as in JWS', { signature: der, ecdsaEncoding: 'ieee-p1363' }, 'signature-malformed'],
    [
      '64 bytes over a P-521 key, as in JWS',
      { spki: spkiOf(EC_521), signature: p1363, ecdsaEncoding: 'ieee-p1363' },
      'signature-malformed',
    ],
    ['an Ed25519 key', { spki: spkiOf(ED) }, 'key-algorithm-mismatch'],
    [
      'a key under a name it does not have',
      { spki: renamed(EC, sequence(oid('1.3.132.1.12'), oid('1.2.840.10045.3.1.7'))) },
      'key-algorithm-mismatch',
    ],
    ['a key without a curve', { spki: renamed(EC, sequence(oid(KEY_ALGORITHM.ecPublicKey))) }, 'key-malformed'],
    [
      'a key of another curve',
      { spki: renamed(EC, sequence(oid(KEY_ALGORITHM.ecPublicKey), oid('1.3.132.0.34'))) },
      'key-malformed',
    ],
  ])('%s', (_, one, expected) => {
    expect(verdict(one)).toBe(expected);
  });
});

describe('RSA PKCS #1 v1.5', () => {
  const good: Case = { algorithm: RSA_SHA256, spki: spkiOf(RSA), signature: sign('sha256', DATA, RSA) };
  const odd = { ...CHAIN_SIGNATURES.keys, rsaExponent: 'odd' as const };
  /** RSAPublicKey with any numbers. */
  const rsaSpki = (modulus: Bytes, exponent: Bytes, parameters: Bytes = nullValue()): Bytes =>
    sequence(sequence(oid(KEY_ALGORITHM.rsaEncryption), parameters), bitString(sequence(modulus, exponent)));
  const modulus = unsignedInteger(Buffer.concat([hex('80'), Buffer.alloc(254), hex('01')]));

  test.each<[string, Case, string]>([
    ['a good signature', good, 'valid'],
    ['parameters left out', { ...good, algorithm: sequence(oid('1.2.840.113549.1.1.11')) }, 'valid'],
    [
      'parameters other than NULL',
      { ...good, algorithm: sequence(oid('1.2.840.113549.1.1.11'), octetString(hex(''))) },
      'signature-parameters-invalid',
    ],
    ['SHA-1', { ...good, algorithm: RSA_SHA1, signature: sign('sha1', DATA, RSA) }, 'signature-algorithm-refused'],
    [
      'SHA-1 by explicit exception',
      {
        ...good,
        algorithm: RSA_SHA1,
        signature: sign('sha1', DATA, RSA),
        policy: { schemes: new Set(['rsa-pkcs1-sha1'] as const) },
      },
      'valid',
    ],
    ['MD5', { ...good, algorithm: RSA_MD5, signature: sign('md5', DATA, RSA) }, 'signature-algorithm-refused'],
    [
      'a signature one byte short',
      { ...good, signature: good.signature?.subarray(1) ?? hex('') },
      'signature-malformed',
    ],
    [
      'a signature one byte long',
      { ...good, signature: Buffer.concat([hex('00'), good.signature ?? hex('')]) },
      'signature-malformed',
    ],
    ['PSS under the wrong name', { ...good, signature: signPss(32) }, 'signature-invalid'],
    [
      'a key restricted to PSS',
      { ...good, spki: renamed(RSA, sequence(oid(KEY_ALGORITHM.rsassaPss))) },
      'key-algorithm-mismatch',
    ],
    [
      'a key restricted to OAEP',
      { ...good, spki: renamed(RSA, sequence(oid(KEY_ALGORITHM.rsaesOaep))) },
      'key-algorithm-mismatch',
    ],
    [
      'a key without parameters',
      { ...good, spki: renamed(RSA, sequence(oid(KEY_ALGORITHM.rsaEncryption))) },
      'key-malformed',
    ],
    ['an exponent of 2,048 bits', { ...good, spki: rsaSpki(modulus, modulus) }, 'key-exponent-refused'],
    [
      'an even exponent',
      { ...good, spki: rsaSpki(modulus, integer(4)), policy: { keys: odd } },
      'key-exponent-refused',
    ],
    [
      'an exponent of one',
      { ...good, spki: rsaSpki(modulus, integer(1)), policy: { keys: odd } },
      'key-exponent-refused',
    ],
    [
      'an odd exponent of five bytes',
      { ...good, spki: rsaSpki(modulus, integer(2 ** 32 + 1)), policy: { keys: odd } },
      'key-exponent-refused',
    ],
    [
      'RSA where the policy has none',
      { ...good, policy: { keys: { ...CHAIN_SIGNATURES.keys, rsaBits: undefined } } },
      'key-type-refused',
    ],
    [
      'a modulus of 2,049 bits',
      { ...good, spki: rsaSpki(unsignedInteger(Buffer.concat([hex('01'), Buffer.alloc(256, 0xff)])), integer(65537)) },
      'key-size-refused',
    ],
    ['a negative modulus', { ...good, spki: rsaSpki(hex('020180'), integer(65537)) }, 'key-malformed'],
    [
      'a modulus of 16,384 bits',
      { ...good, spki: rsaSpki(unsignedInteger(Buffer.alloc(2048, 0xff)), integer(65537)) },
      'key-size-refused',
    ],
    [
      'a modulus of 2,047 bits',
      { ...good, spki: rsaSpki(unsignedInteger(Buffer.alloc(256, 0x7f)), integer(65537)) },
      'key-size-refused',
    ],
    [
      'a number after the exponent',
      { ...good, spki: rsaSpki(modulus, Buffer.concat([integer(65537), integer(1)])) },
      'key-malformed',
    ],
  ])('%s', (_, one, expected) => {
    expect(verdict(one)).toBe(expected);
  });
});

describe('RSA-PSS', () => {
  const good: Case = { algorithm: pss(), spki: spkiOf(RSA), signature: signPss(32) };
  const restricted = (parameters?: Bytes): Bytes => renamed(RSA, parameters ?? sequence(oid(KEY_ALGORITHM.rsassaPss)));

  test.each<[string, Case, string]>([
    ['a good signature', good, 'valid'],
    ['no parameters', { ...good, algorithm: sequence(oid(KEY_ALGORITHM.rsassaPss)) }, 'signature-parameters-invalid'],
    [
      'the defaults, which are SHA-1',
      { ...good, algorithm: sequence(oid(KEY_ALGORITHM.rsassaPss), sequence()) },
      'signature-parameters-invalid',
    ],
    ['SHA-1', { ...good, algorithm: pss({ hash: DIGEST_OID.sha1 }) }, 'signature-parameters-invalid'],
    [
      'another digest in the mask',
      { ...good, algorithm: pss({ mgfHash: DIGEST_OID.sha384 }) },
      'signature-parameters-invalid',
    ],
    ['the trailer field spelled out', { ...good, algorithm: pss({ trailer: true }) }, 'signature-parameters-invalid'],
    [
      'a salt of another length',
      { ...good, algorithm: pss({ salt: 20 }), signature: signPss(20) },
      'signature-parameters-invalid',
    ],
    [
      'a salt of another length where the policy takes what is declared',
      { ...good, algorithm: pss({ salt: 20 }), signature: signPss(20), policy: { pssSalt: 'declared' } },
      'valid',
    ],
    ['a salt that is not the declared one', { ...good, signature: signPss(20) }, 'signature-invalid'],
    ['PKCS #1 v1.5 under the wrong name', { ...good, signature: sign('sha256', DATA, RSA) }, 'signature-invalid'],
    ['a key restricted to PSS', { ...good, spki: restricted() }, 'valid'],
    ['a key restricted to PSS with the same digest', { ...good, spki: restricted(pss()) }, 'valid'],
    [
      'a key restricted to PSS with another digest',
      { ...good, spki: restricted(pss({ hash: DIGEST_OID.sha384, salt: 48 })) },
      'key-algorithm-mismatch',
    ],
    [
      'a key restricted to PSS with more salt',
      { ...good, spki: restricted(pss({ salt: 33 })) },
      'key-algorithm-mismatch',
    ],
    [
      'a key restricted to OAEP',
      { ...good, spki: renamed(RSA, sequence(oid(KEY_ALGORITHM.rsaesOaep))) },
      'key-algorithm-mismatch',
    ],
    ['an EC key', { ...good, spki: spkiOf(EC) }, 'key-algorithm-mismatch'],
  ])('%s', (_, one, expected) => {
    expect(verdict(one)).toBe(expected);
  });
});

describe('Ed25519', () => {
  const keys = { ...CHAIN_SIGNATURES.keys, ed25519: true };
  const allowed = { schemes: new Set(['ed25519'] as const), keys };
  const good: Case = { algorithm: ED25519, spki: spkiOf(ED), signature: sign(null, DATA, ED), policy: allowed };

  test.each<[string, Case, string]>([
    ['a good signature where the policy allows it', good, 'valid'],
    ['a good signature under the default policy', { ...good, policy: {} }, 'signature-algorithm-refused'],
    ['the scheme without the key type', { ...good, policy: { schemes: allowed.schemes } }, 'key-type-refused'],
    [
      'a signature one byte short',
      { ...good, signature: good.signature?.subarray(1) ?? hex('') },
      'signature-malformed',
    ],
    [
      'parameters on the key',
      { ...good, spki: renamed(ED, sequence(oid(KEY_ALGORITHM.ed25519), nullValue())) },
      'key-malformed',
    ],
    ['an EC key', { ...good, spki: spkiOf(EC) }, 'key-algorithm-mismatch'],
  ])('%s', (_, one, expected) => {
    expect(verdict(one)).toBe(expected);
  });
});
