import type { Bytes } from '#core/bytes.ts';

import type { Csr } from './csr.ts';
import { parsePublicKey } from './public-key.ts';
import { type SignatureDenialCode, verifySignature } from './signature.ts';
import { REQUEST_SIGNATURES } from './signature-policy.ts';
import { weakRsa, type WeakRsaCode } from './weak-rsa.ts';

export type CsrDenialCode = SignatureDenialCode | WeakRsaCode;

/** `spki` is the DER SubjectPublicKeyInfo whose private key the requester holds. */
export type CsrVerdict =
  | { readonly ok: true; readonly spki: Bytes }
  | { readonly ok: false; readonly code: CsrDenialCode };

/**
 * Establishes that the key is one a certificate may be issued for (REQUEST_SIGNATURES, and no weak RSA modulus), and that its holder signed
 * exactly these request bytes. Who that is, and what else the request says, is not established.
 */
export function verifyCsr(csr: Csr): CsrVerdict {
  const verdict = verifySignature({
    algorithm: csr.signatureAlgorithm,
    spki: csr.publicKey,
    data: csr.requestInfo,
    signature: csr.signature,
    policy: REQUEST_SIGNATURES,
  });
  if (!verdict.ok) return verdict;
  const key = parsePublicKey(csr.publicKey);
  const weakness = key.type === 'rsa' ? weakRsa(key.modulus) : undefined;
  return weakness === undefined ? { ok: true, spki: csr.publicKey.raw } : { ok: false, code: weakness };
}
