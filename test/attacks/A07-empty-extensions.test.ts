import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { bitString, octetString, oid, sequence, setOf, tagged } from '#pki/x509/der-writer.ts';
import { extendedKeyUsage, extension, subjectAltName } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import { type CertifiedLab, certifiedLab } from '#test/lab/certified-join.ts';
import { type EkCertificateOptions, type EkExtensions, issueEkCertificate } from '#test/lab/tpm-certificates.ts';
import { answerName, challengeBodyOf, FIRST, postChallenge, twoNodes } from '#test/lab/two-nodes.ts';

const NOTHING = Buffer.alloc(0);

describe('A07 an EK certificate in which something is there and empty', () => {
  let scene: CertifiedLab;

  beforeAll(async () => {
    scene = await certifiedLab();
  });

  /** What the join comes to, and what one with the certificate as it should be comes to after it. */
  const joinWith = async (options: Partial<EkCertificateOptions>): Promise<readonly (string | undefined)[]> => {
    const made = issueEkCertificate(scene.maker, { spki: scene.lab.tpm.ekSpki, keyType: 'ecc', ...options });
    const [told] = await scene.joinWith(made);
    const [after] = await scene.joinWith(scene.certificate);
    return [told, after];
  };

  const instead = (name: keyof EkExtensions, value: Bytes) => (good: EkExtensions) =>
    Object.values({ ...good, [name]: value });

  test('A07 as it should be it is accepted', async () => {
    expect(await joinWith({})).toEqual(['ok', 'ok']);
  });

  test.each<[string, Partial<EkCertificateOptions>]>([
    ['no purposes', { extensions: instead('extendedKeyUsage', extendedKeyUsage()) }],
    ['no names', { extensions: instead('subjectAltName', subjectAltName(true)) }],
    [
      'a name without attributes',
      { extensions: instead('subjectAltName', subjectAltName(true, tagged(4, sequence()))) },
    ],
    [
      'a name with an empty set',
      { extensions: instead('subjectAltName', subjectAltName(true, tagged(4, sequence(setOf())))) },
    ],
    ['no extensions', { extensions: () => [] }],
    ['a value of no bytes', { extensions: instead('keyUsage', extension(EXTENSION.keyUsage, true, NOTHING)) }],
    ['no key usages', { extensions: instead('keyUsage', extension(EXTENSION.keyUsage, true, bitString(NOTHING))) }],
    ['no basic constraints', { extensions: instead('basicConstraints', NOTHING) }],
    [
      'basic constraints of no bytes',
      { extensions: instead('basicConstraints', extension(EXTENSION.basicConstraints, true, NOTHING)) },
    ],
    [
      'directory attributes without one',
      {
        extensions: instead(
          'subjectDirectoryAttributes',
          extension(EXTENSION.subjectDirectoryAttributes, false, sequence()),
        ),
      },
    ],
    [
      'an attribute without a value',
      {
        extensions: instead(
          'subjectDirectoryAttributes',
          extension(EXTENSION.subjectDirectoryAttributes, false, sequence(sequence(oid('2.23.133.2.16'), setOf()))),
        ),
      },
    ],
    [
      'an issuer’s key identifier of no bytes',
      {
        extensions: instead(
          'authorityKeyIdentifier',
          extension(EXTENSION.authorityKeyIdentifier, false, octetString(NOTHING)),
        ),
      },
    ],
    ['a serial of zero', { serial: NOTHING }],
    ['an issuer without a name', { issuer: sequence() }],
    ['a manufacturer of no characters', { manufacturer: '' }],
    ['a key of no bytes', { spki: sequence(sequence(oid('1.2.840.10045.2.1')), bitString(NOTHING)) }],
    ['a key without an algorithm', { spki: sequence(sequence(), bitString(NOTHING)) }],
    ['a key that is an empty sequence', { spki: sequence() }],
  ])('A07 with %s it is refused, and the next join is answered', async (_, options) => {
    expect(await joinWith(options)).toEqual(['evidence-rejected', 'ok']);
  });

  test.each([
    ['no bytes for a certificate', { ekCertificates: [''] }],
    ['no bytes for an EK', { ekPublic: '' }],
    ['no bytes for an AK', { akPublic: '' }],
    ['one byte for a certificate', { ekCertificates: ['AA'] }],
    ['one byte for an EK', { ekPublic: 'AA' }],
    ['one byte for an AK', { akPublic: 'AA' }],
    ['no attester', undefined],
  ])('A07 over the wire, %s is told as 4xx and the process lives', async (_, attester) => {
    await using service = await twoNodes();
    const honest = challengeBodyOf(service.first, FIRST);
    const body = { ...honest, attester: attester === undefined ? {} : { ...honest.attester, ...attester } };
    const answer = await postChallenge(service.client, body);
    // Certificates are judged at the join: until then they are bytes.
    expect([201, 400, 403]).toContain(answer.status);
    expect(answerName(await postChallenge(service.client, honest))).toBe('ok');
  });
});
