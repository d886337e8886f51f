import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { readEkCertificateFacts } from '#attestation/tpm2/ek-certificate-profile.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { oid, sequence, setOf, tagged, utf8String } from '#pki/x509/der-writer.ts';
import { directoryName, dnsName, extension, keyUsage, subjectAltName } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import {
  type EkExtensions,
  issueEkCertificate,
  labEkCa,
  tpmName,
  tpmSpecification,
} from '#test/lab/tpm-certificates.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const CA = labEkCa();
const TPM = labTpm();
const attribute = (last: number, text: string) => sequence(oid(`2.23.133.2.${last}`), utf8String(text));
const nameOf = (...attributes: readonly Bytes[]) => sequence(...attributes.map((one) => setOf(one)));
const [MAKER, MODEL, VERSION] = [attribute(1, 'id:53544D20'), attribute(2, 'LAB-1'), attribute(3, 'id:00010002')];
const NAME = directoryName(tpmName(['id:53544D20', 'LAB-1', 'id:00010002']));
/** OtherName: [0] { type-id, [0] EXPLICIT value }. */
const otherName = (type: string) => tagged(0, oid(type), tagged(0, sequence(utf8String('x'))));
const PERMANENT_IDENTIFIER = '1.3.6.1.5.5.7.8.3';

/** What is read of a good certificate with these extensions in place of its own. */
function factsOf(change: Partial<EkExtensions>) {
  const der = issueEkCertificate(CA, { spki: TPM.ekSpki, extensions: (good) => Object.values({ ...good, ...change }) });
  const facts = readEkCertificateFacts(parseCertificate(der, { maxBytes: 8_192, dialect: 'tpm-maker' }));
  return 'code' in facts ? facts.code : facts;
}

const GOOD = { manufacturer: 'id:53544D20', model: 'LAB-1', version: 'id:00010002' };
const UNSUITABLE = 'ek-certificate-unsuitable';

describe('the subject alternative name', () => {
  const withNames = (...names: readonly Bytes[]) => factsOf({ subjectAltName: subjectAltName(true, ...names) });

  test.each([
    ['one directory name', [NAME], GOOD],
    ['a permanent identifier besides', [NAME, otherName(PERMANENT_IDENTIFIER)], GOOD],
    ['a permanent identifier before it', [otherName(PERMANENT_IDENTIFIER), NAME], GOOD],
    ['another other name', [NAME, otherName('1.3.6.1.5.5.7.8.4')], UNSUITABLE],
    ['a host name besides', [NAME, dnsName('a.example')], UNSUITABLE],
    ['a permanent identifier alone', [otherName(PERMANENT_IDENTIFIER)], UNSUITABLE],
    ['two directory names', [NAME, NAME], UNSUITABLE],
  ])('%s', (_what, names, expected) => {
    expect(withNames(...names)).toEqual(expected);
  });

  test.each([
    ['in any order', [VERSION, MODEL, MAKER], GOOD],
    ['without the manufacturer', [MODEL, VERSION], UNSUITABLE],
    ['without the model', [MAKER, VERSION], UNSUITABLE],
    ['without the version', [MAKER, MODEL], UNSUITABLE],
    ['with two manufacturers', [MAKER, MAKER, MODEL, VERSION], UNSUITABLE],
    ['with two models', [MAKER, MODEL, attribute(2, 'LAB-2'), VERSION], UNSUITABLE],
    ['with two versions', [MAKER, MODEL, VERSION, VERSION], UNSUITABLE],
    ['with nothing', [], UNSUITABLE],
  ])('has manufacturer, model and version once each: %s', (_what, attributes, expected) => {
    expect(withNames(directoryName(nameOf(...attributes)))).toEqual(expected);
  });
});

describe('the rest of the profile', () => {
  const nothing = extension('1.3.6.1.4.1.99999.2', false, utf8String('?'));
  test.each<[string, Partial<EkExtensions>, object | string]>([
    ['as it is', {}, GOOD],
    ['without a key usage', { keyUsage: nothing }, UNSUITABLE],
    ['with the key usage of an RSA key', { keyUsage: keyUsage('keyEncipherment') }, UNSUITABLE],
    ['with that of a CA besides', { keyUsage: keyUsage('keyAgreement', 'keyCertSign') }, UNSUITABLE],
    ['without a specification', { subjectDirectoryAttributes: nothing }, GOOD],
    ['of family 1.2', { subjectDirectoryAttributes: tpmSpecification('1.2') }, UNSUITABLE],
    ['of no family', { subjectDirectoryAttributes: tpmSpecification('') }, UNSUITABLE],
    [
      'with another directory attribute',
      {
        subjectDirectoryAttributes: extension(
          EXTENSION.subjectDirectoryAttributes,
          false,
          sequence(sequence(oid('2.23.133.2.17'), setOf(utf8String('x')))),
        ),
      },
      GOOD,
    ],
  ])('%s', (_what, change, expected) => {
    expect(factsOf(change)).toEqual(expected);
  });
});
