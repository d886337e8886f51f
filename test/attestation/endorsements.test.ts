import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { anchorsOf, parseAnchors } from '#attestation/endorsements.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { sharedVector } from '#test/lab/vectors.ts';

describe('parsing anchors', () => {
  const [first, second] = [labEkCa(), labEkCa()];

  test('reads every certificate of a bundle, with text around them', () => {
    const bundle = `# two CAs\n${first.pem}\nIssuer: somebody\n${second.pem}# end`;
    expect(parseAnchors(bundle)).toHaveLength(2);
    expect(parseAnchors(bundle.replaceAll('\n', '\r\n'))).toHaveLength(2);
  });

  test.each([
    ['nothing', ''],
    ['text alone', '# no certificates yet\n'],
    ['an unfinished block', first.pem.slice(0, -30)],
    ['a block that ends as another', first.pem.replace('END CERTIFICATE', 'END X509 CRL')],
    ['a block within a block', first.pem.replace('\n', `\n${second.pem}`)],
    ['an end without a beginning', `-----END CERTIFICATE-----\n${first.pem}`],
    ['a key', `${first.pem}${encodePem('PRIVATE KEY', Buffer.of(48, 0))}`],
    ['bytes that are no certificate', encodePem('CERTIFICATE', Buffer.of(48, 0))],
    ['an EK certificate', encodePem('CERTIFICATE', issueEkCertificate(first, { spki: labTpm().ekSpki }))],
  ])('throws on %s, rather than leave it out', (_, pem) => {
    expect(() => parseAnchors(pem)).toThrow(X509FormatError);
  });

  test('keeps each anchor once', () => {
    const anchors = anchorsOf([...parseAnchors(first.pem), ...parseAnchors(second.pem), ...parseAnchors(first.pem)]);
    expect(anchors.pool.size).toBe(2);
    expect(anchors.fingerprints).toHaveLength(2);
  });
});

const STORES = ['keylime__keylime/tpm_cert_store', 'kgoldman__ibmtss/ca'].map((path) => sharedVector(path));
const BUNDLE = sharedVector('loicsikidi__tpm-ca-certificates/MIRROR.tpm-ca-certificates.pem');
describe("TPM makers' authorities", () => {
  const files = STORES.flatMap((path) => (path === undefined ? [] : readdirSync(path).map((file) => join(path, file))));

  test.skipIf(files.length === 0)('each of the published ones is read', () => {
    const counts = files.map((file) => parseAnchors(readFileSync(file, 'utf8')).length);
    expect(counts).toEqual(Array.from({ length: 16 }, () => 1));
  });

  test.skipIf(BUNDLE === undefined)('the bundle of all their roots is read, and none is lost', () => {
    if (BUNDLE === undefined) return;
    const pem = readFileSync(BUNDLE, 'utf8');
    expect(parseAnchors(pem)).toHaveLength(pem.split('-----BEGIN CERTIFICATE-----').length - 1);
  });
});
