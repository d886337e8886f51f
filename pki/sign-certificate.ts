import { createPublicKey, type KeyObject, verify } from 'node:crypto';

import { type Bytes, equalBytes } from '#core/bytes.ts';

import { IssuerError } from './issuer-error.ts';
import { lintCertificate, type LintContext } from './lint.ts';
import type { Signer } from './signer.ts';
import { SIGNATURE_ALGORITHM } from './x509/algorithm-writer.ts';
import { buildSigned } from './x509/certificate-writer.ts';
import { DerReader } from './x509/der-reader.ts';
import { integer, sequence } from './x509/der-writer.ts';

/** An ECDSA-Sig-Value that nobody's key makes (r = s = 1): it fills the signature's place while a structure is linted. */
export const PLACEHOLDER_SIGNATURE = sequence(integer(1), integer(1));

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
 * The certificate over `tbs`, which has been linted. On resolution its signature verifies under the signer's public key, and, read again
 * from its own bytes, it is `tbs` byte for byte, the algorithm and that signature. Rejects with IssuerError `signature` otherwise, and as
 * the signer does.
 */
export async function signTbs(tbs: Bytes, { signer, publicKey }: SigningKey): Promise<Bytes> {
  const signature = await signer.sign(tbs);
  if (!verify('sha256', tbs, publicKey, signature)) {
    throw new IssuerError('signature', 'the signer’s answer does not verify under its own public key');
  }
  const der = buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, signature);
  assertSigned(der, tbs, signature);
  return der;
}

/**
 * Throws unless `der` is `tbs`, ecdsa-with-SHA256 and `signature` and nothing else. Comparing bytes is stricter than comparing fields: the
 * to-be-signed part has been parsed and linted as it is.
 */
export function assertSigned(der: Bytes, tbs: Bytes, signature: Bytes): void {
  const outer = new DerReader(der, 'signed structure');
  const signed = outer.sequence();
  outer.end();
  const parts = [signed.element().raw, signed.element().raw, signed.bitStringBytes()] as const;
  signed.end();
  const isSame =
    equalBytes(parts[0], tbs) &&
    equalBytes(parts[1], SIGNATURE_ALGORITHM.ecdsaSha256) &&
    equalBytes(parts[2], signature);
  if (!isSame) throw new IssuerError('signature', 'the signed structure is not what was prepared');
}
