import type { Bytes } from '#core/bytes.ts';

import { readAlgorithm } from './x509/algorithm.ts';
import type { Certificate } from './x509/certificate.ts';
import { DerReader } from './x509/der-reader.ts';
import { verifySignature } from './x509/signature.ts';
import { CHAIN_SIGNATURES } from './x509/signature-policy.ts';

/**
 * Whether `der` is a signed structure (a certificate, a CRL) whose signature is by `issuer`'s key. It is not parsed for what it says, so that it may
 * be large: what kind of structure it is, and what stands in it, is not established. Throws X509FormatError for what has not that form.
 */
export function isSignedBy(der: Bytes, issuer: Certificate): boolean {
  const outer = new DerReader(der, 'signed structure');
  const signed = outer.sequence();
  outer.end();
  const { raw: data } = signed.element();
  const algorithm = readAlgorithm(signed);
  const signature = signed.bitStringBytes();
  signed.end();
  return verifySignature({ algorithm, spki: issuer.publicKey, data, signature, policy: CHAIN_SIGNATURES }).ok;
}
