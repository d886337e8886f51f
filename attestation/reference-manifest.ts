import { createPublicKey, type KeyObject, verify } from 'node:crypto';

import { type Bytes, equalBytes, fromBase64Url, utf8 } from '#core/bytes.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import { sha256Hex } from '#core/digest.ts';
import type { ProtectionRating } from '#core/node-record.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import type { ReferenceValuesDocument } from '#protocol/policy.ts';

/** The Ed25519 public keys that a policy trusts to sign reference values, by key id. */
export type ReferenceSigners = ReadonlyMap<string, KeyObject>;

/** The bytes that a manifest's signature covers: the canonical JSON of everything in it but the signature. */
export function manifestBytes(document: ReferenceValuesDocument): Bytes {
  const { signature: _, ...signed } = document;
  return utf8(canonicalJson(signed));
}

/** What a signature calls its key: SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex. */
export const signerKeyId = (spki: Bytes): string => sha256Hex(spki);

/** The keys of a PEM file, each a `PUBLIC KEY` block of an Ed25519 key. Throws X509FormatError on any other block, or none. */
export function parseReferenceSigners(pem: string): ReferenceSigners {
  return new Map(parsePemOf('PUBLIC KEY', pem).map((spki) => [signerKeyId(spki), parseSigner(spki)]));
}

function parseSigner(spki: Bytes): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    throw new X509FormatError('bad-value', 0, 'SubjectPublicKeyInfo');
  }
  // One spelling of each key, so that one key has one id.
  const isPlain = key.asymmetricKeyType === 'ed25519' && equalBytes(key.export({ type: 'spki', format: 'der' }), spki);
  if (!isPlain) throw new X509FormatError('bad-value', 0, 'key that is not Ed25519');
  return key;
}

/**
 * Why a pool may not use a manifest, or undefined where it may: it is made for this pool (or any), and it is signed by one of `signers`.
 * An unsigned one is let through in a pool rated `default` alone, and only where the policy names no signers. Whether it is valid at some
 * moment is for the appraisal.
 */
export function manifestFault(
  document: ReferenceValuesDocument,
  pool: { readonly name: string; readonly protectionRating: ProtectionRating },
  signers: ReferenceSigners,
): string | undefined {
  const { name, pools, signature } = document;
  if (pools?.some((allowed) => allowed === pool.name) === false) return `"${name}" is not for this pool`;
  if (signature === undefined) {
    if (pool.protectionRating !== 'default') {
      return `"${name}" is not signed; a ${pool.protectionRating} pool takes signed reference values only`;
    }
    return signers.size > 0 ? `"${name}" is not signed, and the policy has referenceSigners` : undefined;
  }
  const signer = signers.get(signature.key);
  if (signer === undefined) return `"${name}" is signed by ${signature.key}, which is none of referenceSigners`;
  const isGood = verify(null, manifestBytes(document), signer, fromBase64Url(signature.value));
  return isGood ? undefined : `"${name}" has a signature that does not verify: it was changed after it was signed`;
}
