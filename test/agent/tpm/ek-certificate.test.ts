import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { certificateFromNv, certificateHasKey, issuersOf, splitCertificates } from '#agent/tpm/ek-certificate.ts';
import { type Bytes, concatBytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildSigned, buildTbsCertificate } from '#pki/x509/certificate-writer.ts';
import { octetString } from '#pki/x509/der-writer.ts';
import { basicConstraints, extension } from '#pki/x509/extension-writer.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';
import { LabTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const nameOf = (level: number): Bytes => buildName([ATTRIBUTE.commonName, `Level ${level}`]);

/** A certificate of `level`, issued by the level above, with some `ballast` bytes in an extension. */
function certificate(level: number, key: KeyObject, issuerKey: KeyObject, ballast: number): Bytes {
  const tbs = buildTbsCertificate({
    serial: Buffer.of(level + 1),
    signatureAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
    issuer: nameOf(level + 1),
    subject: nameOf(level),
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2046-01-01T00:00:00Z'),
    spki: key.export({ type: 'spki', format: 'der' }),
    extensions: [
      basicConstraints('unlimited'),
      extension('1.3.6.1.4.1.99999.1', false, octetString(Buffer.alloc(ballast))),
    ],
  });
  return buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, sign('sha256', tbs, issuerKey));
}

/** A path of certificates, leaf first. */
function pathOf(length: number, ballast: number): readonly Bytes[] {
  const keys = Array.from({ length: length + 1 }, newKey);
  return keys.slice(0, -1).map(({ publicKey }, level) => {
    const issuer = keys[level + 1]?.privateKey;
    if (issuer === undefined) throw new RangeError('no issuer');
    return certificate(level, publicKey, issuer, ballast);
  });
}

describe('an EK certificate from NV', () => {
  test('is taken up to what the protocol carries', () => {
    const ca = labEkCa();
    const withBallast = (bytes: number) =>
      issueEkCertificate(ca, {
        spki: newKey().publicKey.export({ type: 'spki', format: 'der' }),
        extensions: (good) => [
          ...Object.values(good),
          extension('1.3.6.1.4.1.99999.1', false, octetString(Buffer.alloc(bytes))),
        ],
      });
    const large = withBallast(7_000);
    expect(certificateFromNv(concatBytes(large, Buffer.alloc(500, 0xff)))).toEqual(large);
    expect(() => certificateFromNv(withBallast(8_000))).toThrow('too-large');
  });

  test.each(['rsa', 'p256', 'p384'] as const)('is for the key of type %s that it names, and for no other', (ek) => {
    const [tpm, other] = [new LabTpm({ ek }), new LabTpm({ ek })];
    const der = issueEkCertificate(labEkCa(), { spki: tpm.ekSpki });
    expect(certificateHasKey(der, tpm.ekArea)).toBe(true);
    expect(certificateHasKey(der, other.ekArea)).toBe(false);
  });
});

describe('the issuers of an EK certificate', () => {
  test('are found in order, whatever order they are kept in, and no more than four', () => {
    const [leaf = Buffer.of(), ...issuers] = pathOf(7, 10);
    expect(issuersOf(leaf, issuers.toReversed())).toEqual(issuers.slice(0, 4));
  });

  test('are left out where one is missing, is unreadable or belongs to something else', () => {
    const [leaf = Buffer.of(), first = Buffer.of(), second = Buffer.of()] = pathOf(3, 10);
    const strangers = pathOf(3, 10);
    expect(issuersOf(leaf, [second, ...strangers])).toEqual([]);
    expect(issuersOf(leaf, [Buffer.of(0x30, 0), first, ...strangers])).toEqual([first]);
    expect(issuersOf(Buffer.of(0x30, 0), [first])).toEqual([]);
  });

  test('are as many as the service’s ticket has room for', () => {
    const [leaf = Buffer.of(), ...issuers] = pathOf(4, 4_000);
    expect(issuersOf(leaf, issuers)).toEqual(issuers.slice(0, 2));
  });

  test('are read one after the other up to the first byte that begins none', () => {
    const [a = Buffer.of(), b = Buffer.of()] = pathOf(2, 10);
    expect(splitCertificates(concatBytes(a, b, Buffer.alloc(9, 0xff)))).toEqual([a, b]);
    expect(splitCertificates(concatBytes(a, b.subarray(0, -1)))).toEqual([a]);
    expect(splitCertificates(new Uint8Array())).toEqual([]);
  });
});
