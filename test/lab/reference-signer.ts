import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { toBase64Url } from '#core/bytes.ts';
import { manifestBytes, signerKeyId } from '#attestation/reference-manifest.ts';
import { type ReferenceValuesDocument, referenceValuesSchema } from '#protocol/policy.ts';

/** Who signs reference values in the lab. */
export interface LabSigner {
  readonly key: KeyObject;
  readonly keyId: string;
  /** PEM of the public key, as a policy pins it. */
  readonly pem: string;
}

export function newLabSigner(key: KeyObject = generateKeyPairSync('ed25519').privateKey): LabSigner {
  const spki = createPublicKey(key);
  const pem = spki.export({ type: 'spki', format: 'pem' }).toString();
  return { key, keyId: signerKeyId(spki.export({ type: 'spki', format: 'der' })), pem };
}

/** The signer whose key the lab's policies pin as `signer.pem`. */
export const LAB_SIGNER = newLabSigner();

/** `document` as a manifest that `signer` signed: version 1, for the pool `general`, good for the lab's years. */
export function signManifest(
  document: ReferenceValuesDocument,
  change: Partial<ReferenceValuesDocument> = {},
  signer = LAB_SIGNER,
): ReferenceValuesDocument {
  const complete = {
    version: 1,
    pools: ['general'],
    notBefore: '2020-01-01T00:00:00Z',
    expires: '2040-01-01T00:00:00Z',
    ...document,
    ...change,
  };
  // Parsed with the place of the signature filled, for what is signed is the document as the service will read it.
  const { signature: _, ...unsigned } = referenceValuesSchema.parse({ ...complete, signature: undefined });
  const value = toBase64Url(sign(null, manifestBytes(unsigned), signer.key));
  return { ...unsigned, signature: { key: signer.keyId, value } };
}
