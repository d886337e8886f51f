import { generatePrimeSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { describeEndorser } from '#attestation/endorser.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { bitString, integer, nullValue, oid, sequence, unsignedInteger } from '#pki/x509/der-writer.ts';
import { KEY_ALGORITHM } from '#pki/x509/oids.ts';
import { NOT_AFTER, NOT_BEFORE, type Otherwise, root } from '#test/pki/x509/lab.ts';

const SOON = 180 * 86_400_000;
const before = (date: Date, ms: number): Date => new Date(date.getTime() - ms);
const rsa = (modulus: bigint) =>
  sequence(
    sequence(oid(KEY_ALGORITHM.rsaEncryption), nullValue()),
    bitString(sequence(unsignedInteger(Buffer.from(modulus.toString(16), 'hex')), integer(65_537))),
  );
const prime = (): bigint => generatePrimeSync(1_024, { bigint: true });
const square = prime() ** 2n;

describe('an authority that certifies EKs', () => {
  test('is shown by its names, its fingerprint and its dates', () => {
    const { certificate } = root('Maker');
    expect(describeEndorser(certificate, NOT_BEFORE)).toEqual({
      subject: 'CN=Maker',
      issuer: 'CN=Maker',
      fingerprint: certificateFingerprint(certificate.der),
      notBefore: NOT_BEFORE,
      notAfter: NOT_AFTER,
      faults: [],
      warnings: [],
    });
  });

  test.each<[string, Date, number, number]>([
    ['before it is valid', before(NOT_BEFORE, 1), 1, 0],
    ['when it begins to be', NOT_BEFORE, 0, 0],
    ['180 days before it ends', before(NOT_AFTER, SOON), 0, 0],
    ['a moment later', before(NOT_AFTER, SOON - 1), 0, 1],
    ['when it ends', NOT_AFTER, 0, 1],
    ['once it has ended', before(NOT_AFTER, -1), 1, 0],
  ])('%s has as many faults and warnings as that gives', (_, now, faults, warnings) => {
    const told = describeEndorser(root('Maker').certificate, now);
    expect([told.faults.length, told.warnings.length]).toEqual([faults, warnings]);
  });

  test.each<[string, Otherwise, readonly (string | RegExp)[], number]>([
    ['a sound RSA key', { spki: rsa(prime() * prime()) }, [], 0],
    ['an RSA key that anybody can factor', { spki: rsa(square) }, [/weak \(rsa-close-primes\)/], 0],
    ['an RSA key that is too short', { spki: rsa(square >> 1_024n) }, [/\(key-size-refused\)/], 0],
    ['a signature by SHA-1', { signatureAlgorithm: sequence(oid('1.2.840.10045.4.1')) }, [], 1],
    ['a signature of no known kind', { signatureAlgorithm: sequence(oid('1.2.3')) }, [], 1],
    [
      'a signature with parameters that are not its algorithm’s',
      { signatureAlgorithm: sequence(oid('1.2.840.10045.4.3.2'), nullValue()) },
      [],
      1,
    ],
    ['a signature that chains believe', { signatureAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384 }, [], 0],
  ])('with %s', (_, otherwise, faults, warnings) => {
    const told = describeEndorser(root('Maker', otherwise).certificate, NOT_BEFORE);
    expect(told.faults).toEqual(faults.map((fault) => expect.stringMatching(fault)));
    expect(told.warnings).toHaveLength(warnings);
  });
});
