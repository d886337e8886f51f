import { sign } from 'node:crypto';

import { type Bytes, equalBytes } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { readEkCertificateFacts } from '#attestation/tpm2/ek-certificate-profile.ts';
import { anchorsOf, parseAnchors } from '#attestation/endorsements.ts';
import { isDenial } from '#attestation/denial.ts';
import { verifyEkCertificate } from '#attestation/tpm2/verify-ek-certificate.ts';
import { OCSP_NONCE, OCSP_REQUEST_MAX_BYTES, parseOcspRequest } from '#pki/ocsp-request.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { CRL_MAX_BYTES, parseCrl } from '#pki/x509/crl.ts';
import { CSR_MAX_BYTES, parseCsr } from '#pki/x509/csr.ts';
import { checkDer } from '#pki/x509/der-gate.ts';
import * as der from '#pki/x509/der-writer.ts';
import { extension } from '#pki/x509/extension-writer.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { DIGEST_OID } from '#pki/x509/oids.ts';
import { encodePem, parsePem } from '#pki/x509/pem.ts';
import { plainSpki } from '#pki/x509/plain-spki.ts';
import { parsePublicKey } from '#pki/x509/public-key.ts';
import { parseSpki } from '#pki/x509/spki.ts';
import { trimCertificate } from '#pki/x509/trim-certificate.ts';
import { verifyCsr } from '#pki/x509/verify-csr.ts';
import { FalseAcceptError, type FuzzTarget, ownErrors, taken } from '#test/fuzz/engine/fuzz-target.ts';
import { hostileCsr } from '#test/lab/csr.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { issueEkCertificate, LAB_NOW, labEkCa } from '#test/lab/tpm-certificates.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { vectorBytes } from '#test/lab/vectors.ts';
import { crlDer } from '#test/pki/x509/crl-lab.ts';
import { intermediate, leafDer, root, spkiOf } from '#test/pki/x509/lab.ts';

const CERTIFICATE_MAX_BYTES = 8_192;
const ROOT = root();
const ISSUER = intermediate(ROOT);
const LEAF = leafDer(ISSUER, 'Leaf');
const KEY = labKey();
const CSR = buildCsr(KEY, 'node');
const CRL = crlDer(ISSUER, { entries: [{ serial: Buffer.of(1), reason: 1 }, { serial: Buffer.of(0x7f, 2) }] });

const EK_CERTIFICATES = [
  ...['01c00002', '01c00016', '01c08000'].map((index) => vectorBytes(`generated-swtpm/ekcert-${index}.der`)),
  vectorBytes('ek-certificates/st_sha256_with_rsa_der.der'),
  vectorBytes('ek-certificates/nuvoton_ecdsa_sha256_der.der'),
];

const EK_CA = labEkCa();
const EK_TPM = labTpm();
const EK_CERTIFICATE = issueEkCertificate(EK_CA, { spki: EK_TPM.ekSpki, keyType: 'ecc' });
const EK_ANCHORS = anchorsOf(parseAnchors(EK_CA.pem));

const OCSP_REQUEST = ocspRequest();

const structure = {
  shape: 'der',
  maxBytes: CERTIFICATE_MAX_BYTES,
  isOwnError: ownErrors(X509FormatError),
} as const satisfies Partial<FuzzTarget>;

/** X.509, PKCS#10, CRLs, OCSP and their PEM. */
export const X509_TARGETS: readonly FuzzTarget[] = [
  {
    ...structure,
    name: 'DER',
    seeds: [LEAF, CRL, CSR],
    read: taken((input) => checkDer(input, 'fuzz', { maxBytes: CERTIFICATE_MAX_BYTES })),
  },
  {
    ...structure,
    name: 'X.509 certificate',
    seeds: [LEAF, ISSUER.certificate.der, ROOT.certificate.der, ...EK_CERTIFICATES],
    read: taken((input) => parseCertificate(input)),
  },
  {
    ...structure,
    name: 'EK certificate profile',
    seeds: [EK_CERTIFICATE, ...EK_CERTIFICATES],
    read: (input) => {
      const certificate = parseCertificate(trimCertificate(input), { dialect: 'tpm-maker' });
      return !isDenial(readEkCertificateFacts(certificate));
    },
  },
  {
    ...structure,
    name: 'EK certificate, verified',
    seeds: [EK_CERTIFICATE, EK_CERTIFICATE, ...EK_CERTIFICATES],
    read: verifiesEk,
  },
  {
    ...structure,
    name: 'PKCS#10 request, verified',
    maxBytes: CSR_MAX_BYTES,
    seeds: [CSR, hostileCsr(KEY).der],
    read: (input) => verifyCsr(parseCsr(input)).ok,
  },
  {
    ...structure,
    name: 'CRL',
    maxBytes: CRL_MAX_BYTES,
    seeds: [CRL, crlDer(ROOT)],
    read: taken((input) => parseCrl(input)),
  },
  {
    ...structure,
    name: 'OCSP request',
    maxBytes: OCSP_REQUEST_MAX_BYTES,
    seeds: [OCSP_REQUEST],
    read: taken(parseOcspRequest),
  },
  {
    ...structure,
    name: 'SubjectPublicKeyInfo',
    seeds: [spkiOf(ROOT.key), parseCertificate(EK_CERTIFICATES[0] ?? LEAF, { dialect: 'tpm-maker' }).publicKey.raw],
    read: taken((input) => {
      const spki = parseSpki(input);
      parsePublicKey(spki);
      plainSpki(spki);
    }),
  },
  {
    ...structure,
    name: 'NV index with a certificate',
    seeds: [
      Buffer.concat([LEAF, Buffer.alloc(20, 0xff)]),
      Buffer.concat([Buffer.of(0x10, 1, 0, LEAF.byteLength >> 8, LEAF.byteLength & 0xff), LEAF]),
    ],
    read: taken(trimCertificate),
  },
  {
    ...structure,
    name: 'PEM',
    shape: 'text',
    maxBytes: 65_536,
    seeds: [Buffer.from(encodePem('CERTIFICATE', LEAF) + encodePem('X509 CRL', CRL))],
    read: taken((input) => parsePem(Buffer.from(input).toString('latin1'))),
  },
  {
    ...structure,
    name: 'PEM bundle of anchors',
    shape: 'text',
    maxBytes: 65_536,
    seeds: [Buffer.from(`A maker\n${EK_CA.pem}`), vectorBytes('ek-certificates/STM_RSA_RT.pem')],
    read: taken((input) => parseAnchors(Buffer.from(input).toString('latin1'))),
  },
];

function verifiesEk(input: Bytes): boolean {
  const outcome = verifyEkCertificate({
    ekSpki: EK_TPM.ekSpki,
    ekCertificates: [input],
    anchors: EK_ANCHORS,
    now: LAB_NOW,
  });
  if (isDenial(outcome)) return false;
  if (!equalBytes(trimCertificate(input), EK_CERTIFICATE)) throw new FalseAcceptError('a changed certificate verified');
  return true;
}

function ocspRequest(): Bytes {
  const { subject, publicKey } = ISSUER.certificate;
  const certId = der.sequence(
    der.sequence(der.oid(DIGEST_OID.sha256), der.nullValue()),
    der.octetString(sha256(subject.raw)),
    der.octetString(sha256(publicKey.key)),
    der.integer(5),
  );
  const list = der.sequence(der.sequence(certId), der.sequence(certId));
  const nonce = der.tagged(2, der.sequence(extension(OCSP_NONCE, false, der.octetString(Buffer.alloc(32, 7)))));
  const body = der.sequence(list, nonce);
  const signature = der.sequence(
    der.sequence(der.oid('1.2.840.10045.4.3.2')),
    der.bitString(sign('sha256', body, ISSUER.key)),
  );
  return der.sequence(body, der.tagged(0, signature));
}
