import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildSigned } from '#pki/x509/certificate-writer.ts';
import { certificateSerial, parseCertificate } from '#pki/x509/certificate.ts';
import { boolean, element, integer, nullValue, octetString, oid, sequence, tagged } from '#pki/x509/der-writer.ts';
import { extension } from '#pki/x509/extension-writer.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { EXTENSION, KEY_PURPOSE } from '#pki/x509/oids.ts';

import { type Extensions, leafDer, NOT_AFTER, NOT_BEFORE, nameOf, root, tbsElements } from './lab.ts';
import { hex, outcome } from './outcome.ts';

const CA = root();
const GOOD = leafDer(CA);

describe('a good certificate', () => {
  const certificate = parseCertificate(GOOD);

  test('comes apart into its fields', () => {
    expect(certificate).toMatchObject({
      version: 3,
      notBefore: NOT_BEFORE,
      notAfter: NOT_AFTER,
      timesInDueForm: true,
      signatureAlgorithm: { oid: '1.2.840.10045.4.3.2', parameters: undefined },
      extensions: {
        basicConstraints: { ca: false, pathLength: undefined },
        keyUsage: new Set(['digitalSignature']),
        extendedKeyUsage: new Set([KEY_PURPOSE.clientAuth]),
      },
    });
    expect(certificate.issuer.raw).toEqual(nameOf('Root'));
    expect(certificate.subject.raw).toEqual(nameOf('Leaf'));
    expect(certificate.extensions.authorityKeyIdentifier?.keyIdentifier).toEqual(
      CA.certificate.extensions.subjectKeyIdentifier,
    );
  });

  test('keeps its bytes as views', () => {
    expect([certificate.tbs.buffer, certificate.signature.buffer]).toEqual([GOOD.buffer, GOOD.buffer]);
  });
});

describe('a serial', () => {
  test.each([
    ['01', '01'],
    ['007f', '7f'],
    ['80', '80'],
    ['ff'.repeat(20), 'ff'.repeat(20)],
    ['7f'.repeat(20), '7f'.repeat(20)],
  ])('%s is told as %s', (magnitude, text) => {
    expect(certificateSerial(parseCertificate(leafDer(CA, 'Leaf', { serial: hex(magnitude) })))).toBe(text);
  });

  test('of zero is none', () => {
    expect(certificateSerial(parseCertificate(leafDer(CA, 'Leaf', { serial: hex('00') })))).toBeUndefined();
    expect(certificateSerial({ serial: hex('ff') })).toBeUndefined();
  });

  test('over 20 bytes does not parse', () => {
    expect(outcome(() => parseCertificate(leafDer(CA, 'Leaf', { serial: hex('01'.repeat(22)) })))).toBe('too-large');
  });
});

/** The good certificate with other extensions: each row changes one thing. */
const withExtensions = (change: (good: Extensions) => Extensions): Bytes => leafDer(CA, 'Leaf', { extensions: change });
const added = (type: string, value: Bytes, critical = false): Bytes =>
  withExtensions((good) => ({ ...good, added: extension(type, critical, value) }));

describe('extensions', () => {
  test.each<[string, Bytes, string]>([
    ['as they should be', GOOD, 'accepted'],
    ['of a type not known', added('1.2.3.4', hex('ff')), 'accepted'],
    ['twice', added('2.5.29.19', sequence()), 'duplicate'],
    ['none, though the list is there', withExtensions(() => ({})), 'truncated'],
    [
      'critical FALSE spelled out',
      withExtensions((good) => ({ ...good, added: sequence(oid('1.2.3'), boolean(false), octetString(hex(''))) })),
      'not-canonical',
    ],
    [
      'more than 64',
      withExtensions(() =>
        Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, extension(`1.2.${i}`, false, hex(''))])),
      ),
      'too-large',
    ],
    ['an empty alternative name list', added(EXTENSION.subjectAltName, sequence()), 'unexpected-tag'],
    ['an empty value', added(EXTENSION.subjectAltName, hex('')), 'truncated'],
    [
      'bytes after the value',
      added(EXTENSION.subjectAltName, Buffer.concat([sequence(hex('820161')), nullValue()])),
      'trailing-bytes',
    ],
    [
      'an alternative name of 5 address bytes',
      added(EXTENSION.subjectAltName, sequence(hex('87050102030405'))),
      'bad-value',
    ],
    ['an alternative name beyond ASCII', added(EXTENSION.subjectAltName, sequence(hex('8201e4'))), 'bad-value'],
    [
      'an alternative name of no known form',
      added(EXTENSION.subjectAltName, sequence(hex('890161'))),
      'unexpected-tag',
    ],
    [
      'an empty extended key usage',
      withExtensions((good) => ({
        ...good,
        extendedKeyUsage: extension(EXTENSION.extendedKeyUsage, false, sequence()),
      })),
      'truncated',
    ],
    [
      'a purpose twice',
      withExtensions((good) => ({
        ...good,
        extendedKeyUsage: extension(EXTENSION.extendedKeyUsage, false, sequence(oid('1.2.3'), oid('1.2.3'))),
      })),
      'duplicate',
    ],
    [
      'a key usage without a bit',
      withExtensions((good) => ({ ...good, keyUsage: extension(EXTENSION.keyUsage, true, hex('030100')) })),
      'bad-value',
    ],
    [
      'a key usage with a zero bit at its end',
      withExtensions((good) => ({ ...good, keyUsage: extension(EXTENSION.keyUsage, true, hex('03020006')) })),
      'not-canonical',
    ],
    [
      'a key usage bit that is not defined',
      withExtensions((good) => ({ ...good, keyUsage: extension(EXTENSION.keyUsage, true, hex('0303060040')) })),
      'bad-value',
    ],
    [
      'basic constraints with CA:FALSE spelled out',
      withExtensions((good) => ({
        ...good,
        basicConstraints: extension(EXTENSION.basicConstraints, true, hex('3003010100')),
      })),
      'not-canonical',
    ],
    [
      'a negative path length',
      withExtensions((good) => ({
        ...good,
        basicConstraints: extension(EXTENSION.basicConstraints, true, hex('30060101ff0201ff')),
      })),
      'bad-value',
    ],
    [
      'a path length beyond 2^31',
      withExtensions((good) => ({
        ...good,
        basicConstraints: extension(EXTENSION.basicConstraints, true, hex('30090101ff02047fffffff')),
      })),
      'accepted',
    ],
    [
      'a path length of five bytes',
      withExtensions((good) => ({
        ...good,
        basicConstraints: extension(EXTENSION.basicConstraints, true, hex('300a0101ff02050100000000')),
      })),
      'bad-value',
    ],
    [
      'an authority serial without issuer',
      withExtensions((good) => ({
        ...good,
        authorityKeyIdentifier: extension(EXTENSION.authorityKeyIdentifier, false, hex('3003820101')),
      })),
      'bad-value',
    ],
    ['name constraints without subtrees', added(EXTENSION.nameConstraints, sequence(), true), 'bad-value'],
    [
      'name constraints with a minimum',
      added(EXTENSION.nameConstraints, hex('300aa0083006820161800101'), true),
      'bad-value',
    ],
    [
      'policies twice the same',
      added(EXTENSION.certificatePolicies, sequence(sequence(oid('1.2.3')), sequence(oid('1.2.3')))),
      'duplicate',
    ],
    ['empty policy constraints', added(EXTENSION.policyConstraints, sequence(), true), 'bad-value'],
    ['an empty information access', added(EXTENSION.authorityInfoAccess, sequence()), 'truncated'],
    [
      'an information access without a place',
      added(EXTENSION.authorityInfoAccess, sequence(sequence(oid('1.2.3')))),
      'unexpected-tag',
    ],
    [
      'an information access',
      added(EXTENSION.subjectInfoAccess, sequence(sequence(oid('1.2.3'), hex('860161')))),
      'accepted',
    ],
    [
      'a distribution point that names nothing',
      added(EXTENSION.crlDistributionPoints, sequence(sequence())),
      'bad-value',
    ],
    [
      'a distribution point of reasons alone',
      added(EXTENSION.crlDistributionPoints, hex('3006 3004 81020640')),
      'bad-value',
    ],
  ])('with %s', (_, der, expected) => {
    expect(outcome(() => parseCertificate(der))).toBe(expected);
  });
});

describe('the outer structure', () => {
  const { tbs, signature } = parseCertificate(GOOD);
  const algorithm = SIGNATURE_ALGORITHM.ecdsaSha256;

  test.each<[string, Bytes, string]>([
    ['as it should be', buildSigned(tbs, algorithm, signature), 'accepted'],
    ['a byte after it', Buffer.concat([GOOD, hex('00')]), 'trailing-bytes'],
    ['two certificates glued together', Buffer.concat([GOOD, GOOD]), 'trailing-bytes'],
    ['the last byte missing', GOOD.subarray(0, -1), 'truncated'],
    ['nothing', hex(''), 'truncated'],
    ['a fourth element', sequence(tbs, algorithm, element(3, hex('00'), signature), nullValue()), 'trailing-bytes'],
    ['another signature algorithm outside', buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha384, signature), 'bad-value'],
    ['a signature with unused bits', sequence(tbs, algorithm, hex('030206c0')), 'bad-value'],
    [
      'a to-be-signed part that is a set',
      sequence(Buffer.concat([hex('31'), tbs.subarray(1)]), algorithm, element(3, hex('00'))),
      'unexpected-tag',
    ],
    ['over 16 KiB', Buffer.concat([GOOD, Buffer.alloc(16_384)]), 'too-large'],
  ])('with %s', (_, der, expected) => {
    expect(outcome(() => parseCertificate(der))).toBe(expected);
  });

  test('a length in one byte too many is refused', () => {
    const long = Buffer.concat([hex('3083 00'), GOOD.subarray(2)]);
    expect(outcome(() => parseCertificate(long))).toBe('not-canonical');
  });

  test('an indefinite length is refused', () => {
    const indefinite = Buffer.concat([hex('3080'), GOOD.subarray(4), hex('0000')]);
    expect(outcome(() => parseCertificate(indefinite))).toBe('indefinite-length');
  });
});

/** What an element with a length of two bytes holds. */
const explicitContent = (element: Bytes): Bytes =>
  element.subarray((element[1] ?? 0) < 0x80 ? 2 : (element[1] ?? 0) - 0x7e);

/** The to-be-signed part of the good certificate, taken apart into its elements and put together with a change. */
function withTbs(change: (parts: readonly Bytes[]) => readonly Bytes[]): Bytes {
  return leafDer(CA, 'Leaf', { tbs: (tbs) => sequence(...change(tbsElements(tbs))) });
}

describe('the to-be-signed part', () => {
  const replaced = (index: number, ...by: readonly Bytes[]): Bytes =>
    withTbs((parts) => parts.toSpliced(index, 1, ...by));

  test.each<[string, Bytes, string]>([
    ['as it should be', withTbs((parts) => parts), 'accepted'],
    ['version 1 spelled out', replaced(0, tagged(0, integer(0))), 'not-canonical'],
    ['version 4', replaced(0, tagged(0, integer(3))), 'bad-value'],
    ['something after the version', replaced(0, tagged(0, integer(2), nullValue())), 'trailing-bytes'],
    ['version 1 with extensions', replaced(0), 'bad-value'],
    ['version 2 with extensions', replaced(0, tagged(0, integer(1))), 'bad-value'],
    ['version 1 without extensions', withTbs((parts) => parts.slice(1, -1)), 'accepted'],
    ['version 1 with a unique identifier', withTbs((parts) => [...parts.slice(1, -1), hex('81020000')]), 'bad-value'],
    [
      'version 2 with a unique identifier',
      withTbs((parts) => [tagged(0, integer(1)), ...parts.slice(1, -1), hex('81020000')]),
      'accepted',
    ],
    [
      'version 2 with both unique identifiers',
      withTbs((parts) => [tagged(0, integer(1)), ...parts.slice(1, -1), hex('81020000'), hex('82020000')]),
      'accepted',
    ],
    ['a serial that is not minimal', replaced(1, hex('02020001')), 'not-canonical'],
    ['a negative serial', replaced(1, hex('0201ff')), 'accepted'],
    ['an issuer with an empty relative name', replaced(3, hex('30023100')), 'truncated'],
    [
      'an issuer whose attributes stand in another order',
      replaced(3, hex('3016 3114 3008 0603550404 0c0162 3008 0603550403 0c0161')),
      'not-canonical',
    ],
    ['a subject public key info without key', replaced(6, sequence(sequence(oid('1.2.3')))), 'truncated'],
    [
      'a third time',
      withTbs((parts) => parts.with(4, sequence((parts[4] ?? hex('')).subarray(2), nullValue()))),
      'trailing-bytes',
    ],
    [
      'something after the list of extensions',
      withTbs((parts) => parts.with(7, tagged(3, explicitContent(parts[7] ?? hex('')), nullValue()))),
      'trailing-bytes',
    ],
    ['an element after the extensions', withTbs((parts) => [...parts, nullValue()]), 'trailing-bytes'],
    [
      'a GeneralizedTime before 2050',
      replaced(
        4,
        sequence(
          hex(`180f ${Buffer.from('20260101000000Z').toString('hex')}`),
          hex(`180f ${Buffer.from('20270101000000Z').toString('hex')}`),
        ),
      ),
      'accepted',
    ],
  ])('with %s', (_, der, expected) => {
    expect(outcome(() => parseCertificate(der))).toBe(expected);
  });

  const utc = (text: string) => element(0x17, Buffer.from(text));
  const generalized = (text: string) => element(0x18, Buffer.from(text));

  test.each<[string, Bytes, Bytes, boolean]>([
    ['UTCTime to the end of 2049', utc('500101000000Z'), utc('491231235959Z'), true],
    ['GeneralizedTime from 2050', utc('260101000000Z'), generalized('20500101000000Z'), true],
    ['GeneralizedTime in 2049', utc('260101000000Z'), generalized('20491231235959Z'), false],
    ['GeneralizedTime in 1950', generalized('19500101000000Z'), utc('270101000000Z'), false],
    ['GeneralizedTime in 1949', generalized('19491231235959Z'), utc('270101000000Z'), true],
  ])('%s is due form or not', (_, notBefore, notAfter, isDue) => {
    expect(parseCertificate(replaced(4, sequence(notBefore, notAfter))).timesInDueForm).toBe(isDue);
  });

  test('times in another form than RFC 5280 asks for are told', () => {
    const early = sequence(
      hex(`180f ${Buffer.from('20260101000000Z').toString('hex')}`),
      hex(`170d ${Buffer.from('270101000000Z').toString('hex')}`),
    );
    expect(parseCertificate(replaced(4, early)).timesInDueForm).toBe(false);
    expect(parseCertificate(leafDer(CA, 'Leaf', { notAfter: new Date('9999-12-31T23:59:59Z') })).timesInDueForm).toBe(
      true,
    );
  });
});

test('the dialect of TPM makers admits names in another order and zero bits at the end of a key usage', () => {
  const order = withTbs((parts) =>
    parts.toSpliced(3, 1, hex('3016 3114 3008 0603550404 0c0162 3008 0603550403 0c0161')),
  );
  const zeroBits = withExtensions((good) => ({
    ...good,
    keyUsage: extension(EXTENSION.keyUsage, true, hex('03020006')),
  }));
  expect(outcome(() => parseCertificate(order, { dialect: 'tpm-maker' }))).toBe('accepted');
  expect([...(parseCertificate(zeroBits, { dialect: 'tpm-maker' }).extensions.keyUsage ?? [])]).toEqual([
    'keyCertSign',
    'cRLSign',
  ]);
});

test('errors say where in the certificate they are', () => {
  const der = withExtensions((good) => ({ ...good, keyUsage: extension(EXTENSION.keyUsage, true, hex('030100')) }));
  let caught: unknown;
  try {
    parseCertificate(der);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(X509FormatError);
  const at = Buffer.from(der).indexOf(hex('030100'));
  expect(caught).toMatchObject({ code: 'bad-value', offset: at });
});

test('a key of any kind passes: what is accepted is for those who use it', () => {
  const spki = sequence(sequence(oid('1.3.6.1.4.1.99999.1')), hex('030200aa'));
  expect(parseCertificate(leafDer(CA, 'Leaf', { spki })).publicKey).toMatchObject({ raw: spki, key: hex('aa') });
});
