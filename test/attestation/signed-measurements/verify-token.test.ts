import { createPublicKey, generateKeyPairSync } from 'node:crypto';

import fc from 'fast-check';
import { CompactSign, compactVerify } from 'jose';
import { describe, expect, test } from 'vitest';

import { verifyToken } from '#attestation/signed-measurements/verify-token.ts';
import type { DenialCode } from '#attestation/result.ts';
import { toBase64Url, utf8 } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import {
  LAB_MEASUREMENTS,
  labHmac,
  labMeasurementKey,
  type LabMeasurementKey,
  labSign,
  labToken,
  type TokenChange,
} from '#test/lab/measurement-key.ts';

const NOW = new Date('2026-11-21T10:00:00.000Z');
const key = labMeasurementKey();
const other = labMeasurementKey();
const qualifyingData = systemRandom(32);

const at = (seconds: number) => ({ claims: { iat: NOW.getTime() / 1_000 + seconds } });
const verify = (token: string, spki = key.spki) => verifyToken({ token, spki, qualifyingData, now: NOW });
const verdict = (token: string, spki = key.spki): DenialCode | 'accepted' => {
  const outcome = verify(token, spki);
  return 'code' in outcome ? outcome.code : 'accepted';
};
const good = labToken({ key, qualifyingData, now: NOW });
const [header = '', payload = '', signature = ''] = good.split('.');
const measuring = (text: string): TokenChange => ({ claims: { measurements: [[50, toBase64Url(utf8(text))]] } });
const generation = 'ab'.repeat(32);

describe('a token of signed measurements', () => {
  test.each(['ES256', 'ES384', 'EdDSA'] as const)('signed with %s gives its claims', (alg) => {
    const signer = labMeasurementKey(alg);
    expect(verify(labToken({ key: signer, qualifyingData, now: NOW, generation }), signer.spki)).toEqual({
      kind: 'signed-measurements',
      keyId: signer.id,
      measurements: LAB_MEASUREMENTS,
      issuedAt: NOW,
      generation,
    });
  });

  test.each<[string, TokenChange, DenialCode | 'accepted']>([
    ['as it should be', {}, 'accepted'],
    ['without a type', { header: { typ: undefined } }, 'accepted'],
    ['with a generation', { claims: { generation } }, 'accepted'],
    ['of another type', { header: { typ: 'JWT' } }, 'token-header-refused'],
    ['with alg none', { header: { alg: 'none' } }, 'token-header-refused'],
    [
      'with alg none and no signature',
      { header: { alg: 'none' }, sign: () => new Uint8Array() },
      'token-header-refused',
    ],
    ['with HMAC under the public key', { header: { alg: 'HS256' }, sign: labHmac(key.spki) }, 'token-header-refused'],
    ['with HMAC under an honest name', { sign: labHmac(key.spki) }, 'token-signature-invalid'],
    ['with RSA', { header: { alg: 'RS256' } }, 'token-header-refused'],
    ['with the algorithm of another key', { header: { alg: 'ES384' } }, 'token-header-refused'],
    ['with a key of its own in it', { header: { jwk: { kty: 'EC' } } }, 'token-header-refused'],
    ['with a place to get a key from', { header: { jku: 'https://evil.example/' } }, 'token-header-refused'],
    ['with a certificate', { header: { x5c: ['AA'] } }, 'token-header-refused'],
    ['with critical extensions', { header: { crit: ['b64'], b64: false } }, 'token-header-refused'],
    ['with a member that nobody knows', { header: { zip: 'DEF' } }, 'token-header-refused'],
    ['that names another key', { header: { kid: other.id } }, 'token-header-refused'],
    ['that names no key', { header: { kid: undefined } }, 'token-header-refused'],
    [
      'with a header member twice',
      { headerText: `{"alg":"none","alg":"ES256","kid":"${key.id}"}` },
      'token-header-refused',
    ],
    ['with a header that is no object', { headerText: '[]' }, 'token-header-refused'],
    ['signed by another key', { sign: (input) => labSign(other, input) }, 'token-signature-invalid'],
    ['with a signature in DER', { sign: () => systemRandom(71) }, 'token-signature-invalid'],
    ['without a signature', { sign: () => new Uint8Array() }, 'token-signature-invalid'],
    ['with a signature of zeroes', { sign: () => new Uint8Array(64) }, 'token-signature-invalid'],
    ['for another nonce', { claims: { eat_nonce: toBase64Url(systemRandom(32)) } }, 'nonce-mismatch'],
    ['with a shorter nonce', { claims: { eat_nonce: toBase64Url(systemRandom(31)) } }, 'evidence-malformed'],
    ['with two nonces', { claims: { eat_nonce: [toBase64Url(qualifyingData), 'AA'] } }, 'evidence-malformed'],
    ['without a nonce', { claims: { eat_nonce: undefined } }, 'evidence-malformed'],
    ['with the UEID of another key', { claims: { ueid: toBase64Url(systemRandom(33)) } }, 'token-ueid-mismatch'],
    ['without a UEID', { claims: { ueid: undefined } }, 'evidence-malformed'],
    ['made 300 s ago', at(-300), 'accepted'],
    ['made 301 s ago', at(-301), 'token-time-refused'],
    ['made 300 s from now', at(300), 'accepted'],
    ['made 301 s from now', at(301), 'token-time-refused'],
    ['made half a second past', at(0.5), 'evidence-malformed'],
    ['without a time', { claims: { iat: undefined } }, 'evidence-malformed'],
    ['with a claim that nobody knows', { claims: { exp: 4_000_000_000 } }, 'evidence-malformed'],
    ['with a generation that is none', { claims: { generation: 'none' } }, 'evidence-malformed'],
    ['with claims that are no object', { payloadText: '"claims"' }, 'evidence-malformed'],
    ['with claims that are not JSON', { payloadText: '{' }, 'evidence-malformed'],
    [
      'with two measurements',
      {
        claims: {
          measurements: [
            [50, 'e30'],
            [50, 'e30'],
          ],
        },
      },
      'evidence-malformed',
    ],
    ['with measurements of another form', { claims: { measurements: [[60, 'e30']] } }, 'evidence-malformed'],
    ['with measurements that are not base64url', { claims: { measurements: [[50, 'e30=']] } }, 'evidence-malformed'],
    ['with measurements that are not JSON', measuring('{'), 'evidence-malformed'],
    ['with a measurement twice', measuring(`{"kernel":"","kernel":""}`), 'evidence-malformed'],
    ['without a measurement', { measurements: { image: undefined } }, 'evidence-malformed'],
    ['with one more measurement', { measurements: { shoeSize: '44' } }, 'evidence-malformed'],
    ['with a digest in capitals', { measurements: { kernel: 'AB'.repeat(32) } }, 'evidence-malformed'],
    ['with a command line of two lines', { measurements: { commandLine: 'a\nb' } }, 'evidence-malformed'],
    [
      'with a command line that is too long',
      { measurements: { commandLine: 'a'.repeat(8_193) } },
      'evidence-malformed',
    ],
  ])('%s', (_, change, expected) => {
    expect(verdict(labToken({ key, qualifyingData, now: NOW }, change))).toBe(expected);
  });

  test.each<[string, string, DenialCode | 'accepted']>([
    ['as it should be', good, 'accepted'],
    ['of two parts', `${header}.${payload}`, 'evidence-malformed'],
    ['of four parts', `${good}.`, 'evidence-malformed'],
    ['with padding', `${good}==`, 'evidence-malformed'],
    ['with white space', `${good}\n`, 'evidence-malformed'],
    ['in base64', `${header}.${payload}.${signature.slice(0, -1)}+`, 'evidence-malformed'],
    ['that is empty', '', 'evidence-malformed'],
    ['that is too long', `${header}.${'A'.repeat(16_384)}.${signature}`, 'evidence-malformed'],
    ['with a header that is too long', `${'A'.repeat(516)}.${payload}.${signature}`, 'evidence-malformed'],
  ])('%s, by its text', (_, token, expected) => {
    expect(verdict(token)).toBe(expected);
  });

  test('of a key that nobody enrolled is refused before it is read', () => {
    expect(verifyToken({ token: good, spki: undefined, qualifyingData, now: NOW })).toEqual({
      code: 'measurement-key-not-enrolled',
    });
  });

  test.each([
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
    ['X25519', generateKeyPairSync('x25519').publicKey],
  ])('verifies under no key of type %s', (_, publicKey) => {
    expect(verdict(good, publicKey.export({ type: 'spki', format: 'der' }))).toBe('measurement-key-not-enrolled');
  });

  test('changed in any bit is refused', () => {
    const bytes = utf8(good);
    for (let index = 0; index < bytes.byteLength; index += 1) {
      for (const bit of [1, 2, 16]) {
        const changed = Buffer.from(bytes);
        changed[index] = (bytes[index] ?? 0) ^ bit;
        expect(verdict(changed.toString('latin1'))).not.toBe('accepted');
      }
    }
  });

  test('made of anything is refused, and throws nothing', () => {
    const part = fc.oneof(
      fc.base64String().map((text) => text.replace(/=+$/, '')),
      fc.json().map((text) => toBase64Url(utf8(text))),
      fc.constantFrom(header, payload, signature),
      fc.string(),
    );
    const tokens = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(tokens, (token) => {
        expect(token === good || verdict(token) !== 'accepted').toBe(true);
      }),
      { numRuns: FUZZ_RUNS },
    );
  });

  test('with any claims, signed by the key itself, is refused or accepted, and throws nothing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('eat_nonce', 'ueid', 'iat', 'measurements', 'generation', 'x'), fc.jsonValue()),
        (claims) => {
          const outcome = verdict(labToken({ key, qualifyingData, now: NOW }, { claims }));
          expect([
            'accepted',
            'evidence-malformed',
            'nonce-mismatch',
            'token-ueid-mismatch',
            'token-time-refused',
          ]).toContain(outcome);
        },
      ),
      { numRuns: Math.min(FUZZ_RUNS, 500) },
    );
  });
});

describe('another implementation of JWS', () => {
  test.each(['ES256', 'ES384', 'EdDSA'] as const)(
    'signs with %s what we accept, and accepts what we sign',
    async (alg) => {
      const signer: LabMeasurementKey = labMeasurementKey(alg);
      const ours = labToken({ key: signer, qualifyingData, now: NOW });
      const [, claims = ''] = ours.split('.');
      const theirs = await new CompactSign(Buffer.from(claims, 'base64url'))
        .setProtectedHeader({ alg, kid: signer.id, typ: 'eat+jwt' })
        .sign(signer.privateKey);
      expect(verdict(theirs, signer.spki)).toBe('accepted');
      const verified = await compactVerify(ours, createPublicKey(signer.privateKey), { algorithms: [alg] });
      expect(Buffer.from(verified.payload).toString('base64url')).toBe(claims);
    },
  );
});
