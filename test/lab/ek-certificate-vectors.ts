import type { Bytes } from '#core/bytes.ts';
import { anchorsOf, parseAnchors } from '#attestation/endorsements.ts';
import type { DenialCode, VerifiedEkCertificate } from '#attestation/result.ts';
import { isDenial } from '#attestation/denial.ts';
import { verifyEkCertificate } from '#attestation/tpm2/verify-ek-certificate.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { plainSpki } from '#pki/x509/plain-spki.ts';
import { trimCertificate } from '#pki/x509/trim-certificate.ts';

import { LAB_NOW } from './tpm-certificates.ts';
import { vectorBytes } from './vectors.ts';

export interface EkVectorOptions {
  /** PEM. */
  readonly anchors: readonly string[];
  readonly issuers?: readonly Bytes[];
  readonly now?: Date;
}

/** A PEM vector as text. */
export const vectorPem = (path: string): string => Buffer.from(vectorBytes(path)).toString('utf8');

/** The one certificate of a PEM vector. */
export function vectorCertificate(path: string): Bytes {
  const [certificate] = parseAnchors(vectorPem(path));
  if (certificate === undefined) throw new RangeError(path);
  return certificate.der;
}

/** What `verifyEkCertificate` makes of a real certificate, for the EK that it names: the vectors have no TPM with them. */
export function judgeEkCertificate(certificate: Bytes, options: EkVectorOptions): VerifiedEkCertificate | DenialCode {
  const leaf = parseCertificate(trimCertificate(certificate), { dialect: 'tpm-maker' });
  const outcome = verifyEkCertificate({
    ekSpki: plainSpki(leaf.publicKey).raw,
    ekCertificates: [certificate, ...(options.issuers ?? [])],
    anchors: anchorsOf(options.anchors.flatMap(parseAnchors)),
    now: options.now ?? LAB_NOW,
  });
  return isDenial(outcome) ? outcome.code : outcome;
}
