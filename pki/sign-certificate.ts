import { createPublicKey, type KeyObject, verify } from 'node:crypto';

import { type Bytes, equalBytes } from '#core/bytes.ts';

import { IssuerError } from './issuer-error.ts';
import { lintCertificate, type LintContext } from './lint.ts';
import type { Signer } from './signer.ts';
import { SIGNATURE_ALGORITHM } from './x509/algorithm-writer.ts';
import { type Certificate, parseCertificate } from './x509/certificate.ts';
import { buildSigned } from './x509/certificate-writer.ts';
import { integer, sequence } from './x509/der-writer.ts';

/** An ECDSA-Sig-Value that nobody's key makes (r = s = 1): it fills the signature's place while a certificate is linted. */
const PLACEHOLDER_SIGNATURE = sequence(integer(1), integer(1));

/** A signer with its public key imported, once. */
export interface SigningKey {
  readonly signer: Signer;
  readonly publicKey: KeyObject;
}

export const signingKey = (signer: Signer): SigningKey => ({
  signer,
  publicKey: createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' }),
});

/** Throws IssuerError `lint` unless a certificate over `tbs` breaks no rule. */
export function assertLintClean(tbs: Bytes, context: LintContext): void {
  const findings = lintCertificate(buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, PLACEHOLDER_SIGNATURE), context);
  if (findings.length > 0) throw new IssuerError('lint', 'refused to sign', findings);
}

/**
 * The certificate over `tbs`, which has been linted. On resolution it has parsed again, its signed part is `tbs` byte for byte, and its
 * signature verifies under the signer's public key. Rejects with IssuerError `signature` otherwise, and as the signer does.
 */
export async function signCertificate(tbs: Bytes, { signer, publicKey }: SigningKey): Promise<Certificate> {
  const der = await signTbs(tbs, { signer, publicKey });
  const certificate = parseCertificate(der);
  if (!equalBytes(certificate.tbs, tbs)) throw new IssuerError('signature', 'the certificate is not what was prepared');
  return certificate;
}

/** `tbs` and its signature as one structure. On resolution the signature verifies under the signer's public key. */
export async function signTbs(tbs: Bytes, { signer, publicKey }: SigningKey): Promise<Bytes> {
  const signature = await signer.sign(tbs);
  if (!verify('sha256', tbs, publicKey, signature)) {
    throw new IssuerError('signature', 'the signer’s answer does not verify under its own public key');
  }
  return buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, signature);
}
