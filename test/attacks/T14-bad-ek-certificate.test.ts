import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { anchorsOf, parseAnchors } from '#attestation/endorsements.ts';
import { integer, namedBits, utf8String } from '#pki/x509/der-writer.ts';
import {
  basicConstraints,
  directoryName,
  dnsName,
  extendedKeyUsage,
  extension,
  keyUsage,
  subjectAltName,
} from '#pki/x509/extension-writer.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE, EXTENSION, KEY_PURPOSE } from '#pki/x509/oids.ts';
import { judgeEkCertificate, vectorPem } from '#test/lab/ek-certificate-vectors.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import {
  type EkCertificateOptions,
  type EkExtensions,
  issueEkCertificate,
  LAB_NOW,
  type LabEkCa,
  labEkCa,
  tpmName,
  tpmSpecification,
} from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { vectorBytes } from '#test/lab/vectors.ts';

type Change = Omit<EkCertificateOptions, 'spki'>;
type Extensions = (good: EkExtensions) => readonly Bytes[];

const replace =
  (name: keyof EkExtensions, ...by: readonly Bytes[]): Extensions =>
  (good) =>
    Object.entries(good).flatMap(([key, value]) => (key === name ? by : [value]));

const add =
  (...more: readonly Bytes[]): Extensions =>
  (good) => [...Object.values(good), ...more];

const hourAfter = new Date(LAB_NOW.getTime() + 3_600_000);
const hourBefore = new Date(LAB_NOW.getTime() - 3_600_000);
const SAN = tpmName(['id:53544D20', 'LAB-1', 'id:00010002']);
const UNKNOWN = extension('1.3.6.1.4.1.99999.1', true, utf8String('?'));

const ROWS: readonly [string, Change, string][] = [
  ['as the profile has it', {}, 'accepted'],
  [
    'with a subject and a SAN that is not critical',
    {
      subject: buildName([ATTRIBUTE.commonName, 'x']),
      extensions: replace('subjectAltName', subjectAltName(false, directoryName(SAN))),
    },
    'accepted',
  ],
  [
    'with the TPM in three relative names',
    {
      extensions: replace(
        'subjectAltName',
        subjectAltName(true, directoryName(tpmName(['id:53544D20', 'LAB-1', 'id:00010002'], true))),
      ),
    },
    'accepted',
  ],
  [
    'with an unknown extension that is not critical',
    { extensions: add(extension('1.3.6.1.4.1.99999.1', false, utf8String('?'))) },
    'accepted',
  ],
  ['without subjectDirectoryAttributes', { extensions: replace('subjectDirectoryAttributes') }, 'accepted'],
  ['expired an hour ago', { notAfter: hourBefore }, 'ek-chain-untrusted'],
  ['valid from the next hour on', { notBefore: hourAfter }, 'ek-chain-untrusted'],
  [
    'that is a CA',
    { extensions: replace('basicConstraints', basicConstraints('unlimited')) },
    'ek-certificate-unsuitable',
  ],
  ['that does not say it is no CA', { extensions: replace('basicConstraints') }, 'ek-certificate-unsuitable'],
  ['without a purpose', { extensions: replace('extendedKeyUsage') }, 'ek-certificate-unsuitable'],
  [
    'for TLS clients',
    { extensions: replace('extendedKeyUsage', extendedKeyUsage(KEY_PURPOSE.clientAuth)) },
    'ek-certificate-unsuitable',
  ],
  [
    'for attestation keys',
    { extensions: replace('extendedKeyUsage', extendedKeyUsage(KEY_PURPOSE.akCertificate)) },
    'ek-certificate-unsuitable',
  ],
  [
    'for any purpose',
    { extensions: replace('extendedKeyUsage', extendedKeyUsage(KEY_PURPOSE.any)) },
    'ek-certificate-unsuitable',
  ],
  ['with an unknown critical extension', { extensions: add(UNKNOWN) }, 'ek-certificate-unsuitable'],
  [
    'whose key usage is not critical',
    { extensions: replace('keyUsage', extension(EXTENSION.keyUsage, false, namedBits(4))) },
    'ek-certificate-unsuitable',
  ],
  ['without a key usage', { extensions: replace('keyUsage') }, 'ek-certificate-unsuitable'],
  [
    'with the key usage of RSA',
    { extensions: replace('keyUsage', keyUsage('keyEncipherment')) },
    'ek-certificate-unsuitable',
  ],
  [
    'that may sign certificates',
    { extensions: replace('keyUsage', keyUsage('keyAgreement', 'keyCertSign')) },
    'ek-certificate-unsuitable',
  ],
  ['with serial number zero', { serial: Buffer.of(0) }, 'ek-certificate-unsuitable'],
  ['without a SAN', { extensions: replace('subjectAltName') }, 'ek-certificate-unsuitable'],
  [
    'with neither subject nor critical SAN',
    { extensions: replace('subjectAltName', subjectAltName(false, directoryName(SAN))) },
    'ek-certificate-unsuitable',
  ],
  [
    'with a host name besides',
    { extensions: replace('subjectAltName', subjectAltName(true, directoryName(SAN), dnsName('a.example'))) },
    'ek-certificate-unsuitable',
  ],
  [
    'with two TPMs',
    { extensions: replace('subjectAltName', subjectAltName(true, directoryName(SAN), directoryName(SAN))) },
    'ek-certificate-unsuitable',
  ],
  [
    'without TPM attributes',
    {
      extensions: replace(
        'subjectAltName',
        subjectAltName(true, directoryName(buildName([ATTRIBUTE.commonName, 'x']))),
      ),
    },
    'ek-certificate-unsuitable',
  ],
  [
    'of a TPM 1.2',
    { extensions: replace('subjectDirectoryAttributes', tpmSpecification('1.2')) },
    'ek-certificate-unsuitable',
  ],
  [
    'with malformed subjectDirectoryAttributes',
    { extensions: replace('subjectDirectoryAttributes', extension('2.5.29.9', false, integer(1))) },
    'evidence-malformed',
  ],
  ['with an extension twice', { extensions: (good) => [...Object.values(good), good.keyUsage] }, 'evidence-malformed'],
  ['of a maker that nobody knows', { manufacturer: 'id:DEADBEEF' }, 'ek-manufacturer-refused'],
  ['whose maker is not an id', { manufacturer: 'STM' }, 'ek-manufacturer-refused'],
];

const node = labNode();
const join = labJoin(node);
const outcome = (ekCertificates: readonly Bytes[], anchors: LabEkCa = node.ca) =>
  verdict({
    ...join,
    challenge: { ...join.challenge, ekCertificates },
    ekAnchors: anchorsOf(parseAnchors(anchors.pem)),
  });

describe('T14 an EK certificate that its maker should not have issued', () => {
  const spki = node.tpm.ekSpki;

  test.each(ROWS)('%s', (_, change, expected) => {
    expect(outcome([issueEkCertificate(node.ca, { spki, ...change })])).toBe(expected);
  });

  test("of another maker than the root's is refused", () => {
    const stm = labEkCa({ organization: 'STMicroelectronics NV' });
    expect(outcome([issueEkCertificate(stm, { spki, manufacturer: 'id:53544D20' })], stm)).toBe('accepted');
    expect(outcome([issueEkCertificate(stm, { spki, manufacturer: 'id:494E5443' })], stm)).toBe(
      'ek-manufacturer-refused',
    );
  });

  test("of another maker than the intermediate's is refused, whoever the root is", () => {
    const root = labEkCa();
    const stm = labEkCa({ organization: 'STMicroelectronics NV', issuer: root });
    expect(outcome([issueEkCertificate(stm, { spki, manufacturer: 'id:53544D20' }), stm.der], root)).toBe('accepted');
    expect(outcome([issueEkCertificate(stm, { spki, manufacturer: 'id:494E5443' }), stm.der], root)).toBe(
      'ek-manufacturer-refused',
    );
  });

  test('signed by somebody else in the name of the anchor is refused', () => {
    const impostor = { ...labEkCa(), name: node.ca.name, keyId: node.ca.keyId };
    expect(outcome([issueEkCertificate(impostor, { spki })])).toBe('ek-chain-untrusted');
  });

  test('signed by itself, by an EK, or below an intermediate that may not issue, is refused', () => {
    const own = labEkCa();
    expect(outcome([issueEkCertificate(own, { spki })])).toBe('ek-chain-untrusted');
    expect(outcome([issueEkCertificate(own, { spki }), own.der])).toBe('ek-chain-untrusted');
    const root = labEkCa({ pathLength: 0 });
    const beyond = labEkCa({ issuer: root });
    expect(outcome([issueEkCertificate(beyond, { spki }), beyond.der], root)).toBe('ek-chain-untrusted');
  });

  test('is refused where nothing is an anchor', () => {
    expect(verdict({ ...join, ekAnchors: anchorsOf([]) })).toBe('ek-chain-untrusted');
  });

  test("a platform certificate is not an EK's", () => {
    const certificate = vectorBytes('generated-swtpm/ekcert-01c08000.der');
    expect(judgeEkCertificate(certificate, { anchors: [vectorPem('generated-swtpm/ek-issuer-ca.pem')] })).toBe(
      'ek-certificate-unsuitable',
    );
  });
});
