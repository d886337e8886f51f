import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { type Anchors, anchorsOf, parseAnchors } from '#attestation/endorsements.ts';
import { renderName } from '#attestation/distinguished-name.ts';
import { verifyEkCertificate } from '#attestation/tpm2/verify-ek-certificate.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { integer, oid, sequence, setOf, utf8String } from '#pki/x509/der-writer.ts';
import { basicConstraints, extension, keyUsage } from '#pki/x509/extension-writer.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE, EXTENSION } from '#pki/x509/oids.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, LAB_NOW, type LabEkCa, labEkCa } from '#test/lab/tpm-certificates.ts';

const ROOT = labEkCa();
const TPM = labTpm();
const UNKNOWN = extension('1.3.6.1.4.1.99999.1', true, utf8String('?'));
const SPECIFICATION = sequence(
  sequence(oid('2.23.133.2.16'), setOf(sequence(utf8String('2.0'), integer(0), integer(138)))),
);
const anchored = (ca: LabEkCa = ROOT) => anchorsOf(parseAnchors(ca.pem));
const verify = (ekCertificates: readonly Bytes[], anchors: Anchors = anchored()) =>
  verifyEkCertificate({ ekSpki: TPM.ekSpki, ekCertificates, anchors, now: LAB_NOW });

/** An intermediate below the root, with an extension of no known meaning. */
function oddIntermediate(): LabEkCa {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = buildName([ATTRIBUTE.commonName, 'odd']);
  const der = issueEkCertificate(ROOT, {
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    subject: name,
    extensions: () => [basicConstraints('unlimited'), keyUsage('keyCertSign'), UNKNOWN],
  });
  return { pem: '', der, name, privateKey, keyId: Buffer.of(1) };
}

describe('what is wrong with the EK’s certificate itself is told from what is wrong on the way to it', () => {
  test('an unknown critical extension of the leaf', () => {
    const leaf = issueEkCertificate(ROOT, {
      spki: TPM.ekSpki,
      extensions: (good) => [...Object.values(good), UNKNOWN],
    });
    expect(verify([leaf])).toEqual({
      code: 'ek-certificate-unsuitable',
      found: 'critical-extension-unknown',
      detail: 'critical-extension-unknown at depth 0 (1.3.6.1.4.1.99999.1)',
    });
  });

  test('an unknown critical extension of its issuer', () => {
    const issuer = oddIntermediate();
    const leaf = issueEkCertificate(issuer, { spki: TPM.ekSpki });
    expect(verify([leaf, issuer.der])).toEqual({
      code: 'ek-chain-untrusted',
      found: 'critical-extension-unknown',
      detail: 'critical-extension-unknown at depth 1 (1.3.6.1.4.1.99999.1)',
    });
  });

  test('an issuer that is missing, and dates', () => {
    const issuer = labEkCa({ issuer: ROOT });
    expect(verify([issueEkCertificate(issuer, { spki: TPM.ekSpki })])).toMatchObject({
      code: 'ek-chain-untrusted',
      detail: expect.stringMatching(/^[a-z-]+ at depth \d(?:; [a-z-]+ at depth \d)*$/),
    });
    const expired = issueEkCertificate(ROOT, { spki: TPM.ekSpki, notAfter: new Date(LAB_NOW.getTime() - 1_000) });
    expect(verify([expired])).toMatchObject({
      code: 'ek-chain-untrusted',
      detail: expect.stringMatching(/ at depth 0$/),
    });
  });
});

describe('the path to the anchor', () => {
  const issuer = labEkCa({ issuer: ROOT, organization: 'Below' });

  test('names the anchor, not what is between', () => {
    const leaf = issueEkCertificate(issuer, { spki: TPM.ekSpki });
    expect(verify([leaf, issuer.der])).toMatchObject({ anchor: renderName(parseCertificate(ROOT.der).subject) });
  });

  test('names the anchor over two intermediates too', () => {
    const upper = labEkCa({ issuer: ROOT, pathLength: 1 });
    const lower = labEkCa({ issuer: upper });
    const leaf = issueEkCertificate(lower, { spki: TPM.ekSpki });
    expect(verify([leaf, lower.der, upper.der])).toMatchObject({
      anchor: renderName(parseCertificate(ROOT.der).subject),
    });
  });

  test('takes a TPM specification that is critical, for it is looked at', () => {
    const critical = extension(EXTENSION.subjectDirectoryAttributes, true, SPECIFICATION);
    const leaf = issueEkCertificate(ROOT, {
      spki: TPM.ekSpki,
      extensions: (good) => Object.values({ ...good, subjectDirectoryAttributes: critical }),
    });
    expect(verify([leaf])).not.toHaveProperty('code');
  });

  test('gives the organisations that certified the TPM; its own subject is not one of them', () => {
    const subject = buildName([ATTRIBUTE.organization, 'Intel Corporation']);
    expect(verify([issueEkCertificate(ROOT, { spki: TPM.ekSpki, subject })])).toMatchObject({
      manufacturer: 'id:53544D20',
    });
  });

  test('says which maker, or which anchor, was refused', () => {
    expect(verify([issueEkCertificate(ROOT, { spki: TPM.ekSpki, manufacturer: 'id:DEADBEEF' })])).toEqual({
      code: 'ek-manufacturer-refused',
      found: 'id:DEADBEEF',
      detail: 'not in the TCG registry',
    });
    const st = labEkCa({ organization: 'STMicroelectronics NV' });
    const leaf = issueEkCertificate(st, { spki: TPM.ekSpki, manufacturer: 'id:494E5443' });
    expect(verify([leaf], anchored(st))).toEqual({
      code: 'ek-manufacturer-refused',
      found: 'id:494E5443',
      detail: `Intel is not certified under ${renderName(parseCertificate(st.der).subject)}`,
    });
  });

  test('is remembered between its ends: neither the EK’s certificate nor the anchor', () => {
    const anchors = anchored();
    const leaf = issueEkCertificate(issuer, { spki: TPM.ekSpki });
    expect(verify([leaf, issuer.der], anchors)).not.toHaveProperty('code');
    const isKept = (der: Bytes): boolean => {
      let parsed = false;
      anchors.issuers.parsed(der, (bytes) => {
        parsed = true;
        return parseCertificate(bytes, { dialect: 'tpm-maker' });
      });
      return !parsed;
    };
    expect([leaf, issuer.der, ROOT.der].map(isKept)).toEqual([false, true, false]);
  });
});
