import { type Admission, redeemAdmission } from '#core/admission.ts';
import { type Bytes, concatBytes, equalBytes } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { certificateFingerprint, type SpkiFingerprint, spkiFingerprint } from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { RandomSource } from '#core/random.ts';

import { IssuerError } from './issuer-error.ts';
import { lintParsed } from './lint.ts';
import { leafValidity, type Profile, type Validity } from './profile.ts';
import { newSerial, serialBytes } from './serial.ts';
import { assertLintClean, type SigningKey, signingKey, signTbs } from './sign-certificate.ts';
import type { Signer } from './signer.ts';
import { nodeSubject } from './subject.ts';
import { SIGNATURE_ALGORITHM } from './x509/algorithm-writer.ts';
import { type Certificate, parseCertificate } from './x509/certificate.ts';
import { buildTbsCertificate } from './x509/certificate-writer.ts';
import type { Csr } from './x509/csr.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectKeyIdentifier,
} from './x509/extension-writer.ts';
import { keyIdentifier } from './x509/key-identifier.ts';
import { KEY_PURPOSE } from './x509/oids.ts';
import { type CsrDenialCode, verifyCsr } from './x509/verify-csr.ts';

/** A certificate that is built and linted and not yet signed: what to write down before the key is used. Made by `Issuer.prepare` alone. */
export type PreparedCertificate = IssuanceIntent;

/** `key-of-a-ca`: the request is for one of the keys that the issuer was told are certificate authorities'. */
export type CsrRejection = CsrDenialCode | 'key-of-a-ca';

export type Preparation =
  | { readonly ok: true; readonly prepared: PreparedCertificate }
  /** The problem `csr-rejected`; the code is for the audit log. The admission is spent all the same. */
  | { readonly ok: false; readonly code: CsrRejection };

/** The dedicated CA at work: the one way from an Admission to a certificate. */
export interface Issuer {
  /** The issuing CA's certificate. */
  readonly certificate: Certificate;
  /**
   * Spends `admission`; establishes that the requester holds the key in `csr` and that the key may be certified; builds the certificate
   * for the admitted node, with nothing from the CSR but the key; and lints it. Signs nothing.
   * Throws IssuerError `outside-issuer-validity` or `lint`, and Error when the admission was spent before.
   */
  prepare(admission: Admission, csr: Csr, now: Date): Preparation;
  /**
   * Signs what `prepare` built, once. On resolution the certificate has parsed again, is what was prepared byte for byte, and verifies
   * under the issuer's key. Rejects with IssuerError `not-prepared` or `signature`, and as the signer does; it is spent in each case.
   */
  sign(prepared: PreparedCertificate): Promise<IssuedCertificate>;
}

export interface IssuerDeps {
  readonly signer: Signer;
  /** DER of the issuing CA's certificate. */
  readonly issuerCertificate: Bytes;
  readonly profile: Profile;
  readonly random: RandomSource;
  /** DER SubjectPublicKeyInfo of every CA of the installation: no certificate is issued for one of these keys. The issuer's own is added. */
  readonly caKeys: readonly Bytes[];
}

/** An issuer of kubelet client certificates. Throws IssuerError `not-an-issuer` unless certificate and key are a pair and an issuing CA's. */
export function createIssuer(deps: IssuerDeps): Issuer {
  const certificate = parseCertificate(deps.issuerCertificate);
  assertIssuer(certificate, deps.signer);
  const { profile, random } = deps;
  const key: SigningKey = signingKey(deps.signer);
  const forbidden = new Set([...deps.caKeys, deps.signer.spki].map(spkiFingerprint));
  const encodeTbs = tbsEncoder(certificate);
  // Keyed by the object itself, so that `sign` knows what this issuer prepared and forgets it on first use.
  const unsigned = new WeakMap<PreparedCertificate, Bytes>();

  function prepare(admission: Admission, csr: Csr, now: Date): Preparation {
    redeemAdmission(admission);
    const verdict = verifyCsr(csr);
    if (!verdict.ok) return verdict;
    const fingerprint: SpkiFingerprint = spkiFingerprint(verdict.spki);
    if (forbidden.has(fingerprint)) return { ok: false, code: 'key-of-a-ca' };

    const validity = leafValidity(profile, admission.ttlSeconds, now);
    assertWithin(validity, certificate);
    const serial = newSerial(random);
    const tbs = encodeTbs(serialBytes(serial), validity, nodeSubject(admission.nodeName), csr);
    assertLintClean(tbs, { purpose: 'kubelet-client', issuer: certificate });

    const { nodeId, nodeName, requestId } = admission;
    const intent = { serial, nodeId, nodeName, requestId, spkiFingerprint: fingerprint, tbsDigest: sha256Hex(tbs) };
    const prepared: PreparedCertificate = Object.freeze({ ...intent, ...validity });
    unsigned.set(prepared, tbs);
    return { ok: true, prepared };
  }

  async function sign(prepared: PreparedCertificate): Promise<IssuedCertificate> {
    const tbs = unsigned.get(prepared);
    if (tbs === undefined) throw new IssuerError('not-prepared', 'not prepared by this issuer, or signed before');
    unsigned.delete(prepared);
    const der = await signTbs(tbs, key);
    const { notBefore, notAfter } = prepared;
    return { serial: prepared.serial, fingerprint: certificateFingerprint(der), der, notBefore, notAfter };
  }

  return Object.freeze({ certificate, prepare, sign });
}

const KEY_IDENTIFIER_BYTES = 20;

/**
 * Writes to-be-signed bytes; what is the same in all certificates of an issuer is encoded once: every extension up to the value of the
 * last, the subject key identifier.
 */
function tbsEncoder(issuer: Certificate) {
  const constantExtensions = concatBytes(
    basicConstraints(),
    keyUsage('digitalSignature'),
    extendedKeyUsage(KEY_PURPOSE.clientAuth),
    authorityKeyIdentifier(issuer.extensions.subjectKeyIdentifier ?? keyIdentifier(issuer.publicKey)),
    subjectKeyIdentifier(Buffer.alloc(KEY_IDENTIFIER_BYTES)).subarray(0, -KEY_IDENTIFIER_BYTES),
  );
  return (serial: Bytes, validity: Validity, subject: Bytes, { publicKey }: Csr): Bytes =>
    buildTbsCertificate({
      serial,
      signatureAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
      issuer: issuer.subject.raw,
      ...validity,
      subject,
      spki: publicKey.raw,
      extensions: [constantExtensions, keyIdentifier(publicKey)],
    });
}

function assertIssuer(certificate: Certificate, signer: Signer): void {
  if (!equalBytes(certificate.publicKey.raw, signer.spki)) {
    throw new IssuerError('not-an-issuer', 'the CA certificate is for another key than the signer’s');
  }
  const findings = lintParsed(certificate, { purpose: 'node-issuing-ca' });
  if (findings.length > 0) throw new IssuerError('not-an-issuer', 'not a node issuing CA’s certificate', findings);
}

/**
 * A certificate that outlives its issuer is refused, not shortened: a node would otherwise get less time than its policy says, less with
 * every renewal, and the fault would show only when the last one ran out.
 */
function assertWithin(validity: Validity, issuer: Certificate): void {
  if (validity.notBefore >= issuer.notBefore && validity.notAfter <= issuer.notAfter) return;
  throw new IssuerError(
    'outside-issuer-validity',
    `issuing CA is valid from ${issuer.notBefore.toISOString()} to ${issuer.notAfter.toISOString()}`,
  );
}
