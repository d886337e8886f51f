import { describe, expect, test } from 'vitest';

import { anchorsOf, parseAnchors } from '#attestation/endorsements.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { vectorBytes } from '#test/lab/vectors.ts';

describe('T16 a certificate in another encoding than DER', () => {
  const nuvoton = vectorBytes('ek-certificates/nuvoton_ecdsa_sha256_der.der');

  test("Nuvoton's root, whose name is a set out of order, is an anchor by a listed exception", () => {
    expect(() => parseCertificate(nuvoton)).toThrow(X509FormatError);
    expect(anchorsOf(parseAnchors(encodePem('CERTIFICATE', nuvoton))).pool.size).toBe(1);
  });

  const join = labJoin(labNode());
  const [certificate = new Uint8Array()] = join.challenge.ekCertificates;
  const withLength = (...length: readonly number[]) =>
    Buffer.concat([Buffer.of(0x30, ...length), certificate.subarray(4)]);
  const size = certificate.byteLength - 4;

  test.each([
    ['DER', withLength(0x82, size >> 8, size & 0xff), 'accepted'],
    ['a length in three bytes', withLength(0x83, 0, size >> 8, size & 0xff), 'evidence-malformed'],
    ['an indefinite length', Buffer.concat([withLength(0x80), Buffer.of(0, 0)]), 'evidence-malformed'],
    ['PEM', Buffer.from(encodePem('CERTIFICATE', certificate)), 'evidence-malformed'],
    ['nothing', new Uint8Array(), 'evidence-malformed'],
  ])('no other departure is: %s', (_, bytes, expected) => {
    expect(verdict({ ...join, challenge: { ...join.challenge, ekCertificates: [bytes] } })).toBe(expected);
  });
});
