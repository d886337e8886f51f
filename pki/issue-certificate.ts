import type { Bytes } from '#core/bytes.ts';
import type { RandomSource } from '#core/random.ts';

import type { CertificatePurpose } from './lint/purpose.ts';
import { validityFrom } from './profile.ts';
import { newSerial, serialBytes } from './serial.ts';
import { assertLintClean, signingKey, signTbs } from './sign-certificate.ts';
import type { Signer } from './signer.ts';
import { SIGNATURE_ALGORITHM } from './x509/algorithm-writer.ts';
import { type Certificate, parseCertificate } from './x509/certificate.ts';
import { buildTbsCertificate } from './x509/certificate-writer.ts';
import { authorityKeyIdentifier, subjectKeyIdentifier } from './x509/extension-writer.ts';
import { keyIdentifier } from './x509/key-identifier.ts';
import { parseSpki } from './x509/spki.ts';

/** A CA in hand: its certificate and the key that signs for it. */
export interface Authority {
  readonly certificate: Certificate;
  readonly signer: Signer;
}

/** When a certificate is issued, and where its serial comes from. */
export interface IssuanceContext {
  readonly now: Date;
  readonly random: RandomSource;
}

/** A certificate to be, other than a node's: those are the Issuer's alone. Byte strings are DER. */
export interface CertificatePlan {
  readonly purpose: Exclude<CertificatePurpose, 'kubelet-client'>;
  readonly subject: Bytes;
  readonly spki: Bytes;
  /** Inclusive of the last second; the certificate begins five minutes before it is issued. */
  readonly lifetimeSeconds: number;
  /** Without the two key identifiers, which are added. */
  readonly extensions: readonly Bytes[];
}

/** The planned certificate, linted before and verified after `authority` signed it. Throws IssuerError. */
export async function issueCertificate(
  plan: CertificatePlan,
  authority: Authority,
  context: IssuanceContext,
): Promise<Certificate> {
  const issuer = authority.certificate;
  const issuerKeyIdentifier = issuer.extensions.subjectKeyIdentifier ?? keyIdentifier(issuer.publicKey);
  const extensions = [...plan.extensions, authorityKeyIdentifier(issuerKeyIdentifier)];
  const tbs = encode({ ...plan, extensions }, issuer.subject.raw, context);
  assertLintClean(tbs, { purpose: plan.purpose, issuer });
  return parseCertificate(await signTbs(tbs, signingKey(authority.signer)));
}

/** The planned certificate, issued by its own key. Throws IssuerError. */
export async function selfSignCertificate(
  plan: Omit<CertificatePlan, 'spki'>,
  signer: Signer,
  context: IssuanceContext,
): Promise<Certificate> {
  const tbs = encode({ ...plan, spki: signer.spki }, plan.subject, context);
  assertLintClean(tbs, { purpose: plan.purpose });
  return parseCertificate(await signTbs(tbs, signingKey(signer)));
}

function encode(plan: CertificatePlan, issuer: Bytes, { now, random }: IssuanceContext): Bytes {
  return buildTbsCertificate({
    serial: serialBytes(newSerial(random)),
    signatureAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
    issuer,
    ...validityFrom(now, plan.lifetimeSeconds),
    subject: plan.subject,
    spki: plan.spki,
    extensions: [...plan.extensions, subjectKeyIdentifier(keyIdentifier(parseSpki(plan.spki)))],
  });
}
