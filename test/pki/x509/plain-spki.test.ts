import { generateKeyPairSync } from 'node:crypto';

import { expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { bitString, integer, nullValue, octetString, oid, sequence, tagged } from '#pki/x509/der-writer.ts';
import { DIGEST_OID, KEY_ALGORITHM, MGF1, P_SPECIFIED } from '#pki/x509/oids.ts';
import { plainSpki } from '#pki/x509/plain-spki.ts';
import { parseSpki } from '#pki/x509/spki.ts';

import { spkiOf } from './lab.ts';
import { outcome } from './outcome.ts';

const RSA = spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
const EC = spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

const oaep = (...parameters: readonly Bytes[]): Bytes =>
  sequence(sequence(oid(KEY_ALGORITHM.rsaesOaep), ...parameters), bitString(parseSpki(RSA).key));

const digest = (name: string, parameters: Bytes = nullValue()): Bytes => sequence(oid(name), parameters);
const mgf = (name: string, hash: Bytes): Bytes => sequence(oid(name), hash);
const label = (text: string): Bytes => sequence(oid(P_SPECIFIED), octetString(Buffer.from(text)));
const SHA256 = digest(DIGEST_OID.sha256);
const FULL = sequence(tagged(0, SHA256), tagged(1, mgf(MGF1, SHA256)), tagged(2, label('TCPA')));

test.each([
  ['no parameters', oaep()],
  ['the default parameters', oaep(sequence())],
  ['every parameter', oaep(FULL)],
  ['a label of 32 bytes', oaep(sequence(tagged(2, label('x'.repeat(32)))))],
  ['a digest without parameters', oaep(sequence(tagged(0, sequence(oid(DIGEST_OID.sha256)))))],
  ['a label alone', oaep(sequence(tagged(2, label('DUPLICATE'))))],
])('an OAEP key with %s becomes the plain key', (_, spki) => {
  expect(plainSpki(parseSpki(spki)).raw).toEqual(RSA);
});

test.each([
  ['RSA', RSA],
  ['EC', EC],
])('a plain %s key stays as it is', (_, spki) => {
  const parsed = parseSpki(spki);
  expect(plainSpki(parsed)).toBe(parsed);
});

test.each([
  ['NULL in place of the parameters', oaep(nullValue())],
  ['an unknown digest', oaep(sequence(tagged(0, digest('1.2.840.113549.2.5'))))],
  ['parameters on the digest', oaep(sequence(tagged(0, digest(DIGEST_OID.sha256, integer(1)))))],
  ['another mask generation function', oaep(sequence(tagged(1, mgf('1.2.3', SHA256))))],
  ['an unknown digest in the mask', oaep(sequence(tagged(1, mgf(MGF1, digest('1.2.3')))))],
  ['a mask without a digest', oaep(sequence(tagged(1, sequence(oid(MGF1)))))],
  ['another source of the label', oaep(sequence(tagged(2, sequence(oid('1.2.3'), octetString(Buffer.alloc(1))))))],
  ['a label of 33 bytes', oaep(sequence(tagged(2, label('x'.repeat(33)))))],
  [
    'a label with something after it',
    oaep(sequence(tagged(2, sequence(oid(P_SPECIFIED), octetString(Buffer.alloc(1)), nullValue())))),
  ],
  ['something after the digest', oaep(sequence(tagged(0, SHA256, nullValue())))],
  ['something after the mask', oaep(sequence(tagged(1, mgf(MGF1, SHA256), nullValue())))],
  ['something after the label', oaep(sequence(tagged(2, label('x'), nullValue())))],
  ['a parameter after the last', oaep(sequence(tagged(2, label('x')), nullValue()))],
  ['parameters in another order', oaep(sequence(tagged(2, label('x')), tagged(0, SHA256)))],
])('an OAEP key with %s is refused', (_, spki) => {
  expect(outcome(() => plainSpki(parseSpki(spki)))).not.toBe('accepted');
});

test('an OAEP key that is no RSA key is refused', () => {
  const spki = sequence(sequence(oid(KEY_ALGORITHM.rsaesOaep)), bitString(parseSpki(EC).key));
  expect(outcome(() => plainSpki(parseSpki(spki)))).not.toBe('accepted');
});
