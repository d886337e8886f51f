import { readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { dnsName, subjectAltName } from '#pki/x509/extension-writer.ts';
import { readAgain } from '#test/lab/second-reading.ts';

import { plus } from './chain-lab.ts';
import { intermediate, leaf, root } from './lab.ts';
import { hex, outcome } from './outcome.ts';
import { describeSuite, readSuite, suitePath } from './suites/suite.ts';

const ROOT = root();
const ISSUER = intermediate(ROOT);

/** Our reading in the form of the other one. */
const ours = (certificate: Certificate): ReturnType<typeof readAgain> => ({
  serial: toHex(certificate.serial).replace(/^00(?=.)/, ''),
  issuer: Buffer.from(certificate.issuer.raw),
  subject: Buffer.from(certificate.subject.raw),
  notBefore: certificate.notBefore,
  notAfter: certificate.notAfter,
  spki: Buffer.from(certificate.publicKey.raw),
  extensions: [...certificate.extensions.all.values()].map(({ oid, critical, value }) => ({
    oid,
    critical,
    value: Buffer.from(value),
  })),
});

describe('a second reading', () => {
  test.each([
    ['a root', ROOT.certificate],
    ['an intermediate', ISSUER.certificate],
    ['a leaf', leaf(ISSUER)],
    ['a leaf with names', leaf(ISSUER, 'Leaf', { extensions: plus(subjectAltName(false, dnsName('a.example'))) })],
    ['a leaf that never expires', leaf(ISSUER, 'Leaf', { notAfter: new Date('9999-12-31T23:59:59Z') })],
    ['a serial with its top bit set', leaf(ISSUER, 'Leaf', { serial: hex('ff'.repeat(20)) })],
  ])('agrees with ours on %s', (_, certificate) => {
    expect(readAgain(certificate.der)).toEqual(ours(certificate));
  });

  test('is not made of what is not DER', () => {
    const der = leaf(ISSUER).der;
    expect(outcome(() => readAgain(Buffer.concat([der, hex('00')])))).toBe('trailing-bytes');
    expect(outcome(() => readAgain(Buffer.concat([hex('3083 00'), der.subarray(2)])))).toBe('not-canonical');
  });
});

describeSuite('nist-pkits', () => {
  test('both readings agree on every certificate that we take', () => {
    const files = readdirSync(suitePath('nist-pkits', 'certs'));
    const certificates = files.flatMap((file) => {
      const der = readSuite('nist-pkits', 'certs', file);
      return outcome(() => parseCertificate(der)) === 'accepted' ? [parseCertificate(der)] : [];
    });
    expect([files.length, certificates.length]).toEqual([405, 403]);
    const different = certificates.filter((certificate) => {
      const [a, b] = [readAgain(certificate.der), ours(certificate)];
      return JSON.stringify(a) !== JSON.stringify(b);
    });
    expect(different).toEqual([]);
  });
});
