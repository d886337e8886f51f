import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { DIGEST_SIZE } from '#core/digest.ts';

import type { AlgorithmIdentifier } from './algorithm.ts';
import { DerReader } from './der-reader.ts';
import { X509FormatError } from './format-error.ts';
import { type KeyDenialCode, keyDenial } from './key-policy.ts';
import { parsePublicKey, type PublicKey } from './public-key.ts';
import type { SignaturePolicy } from './signature-policy.ts';
import { parsePssParameters, signatureAlgorithm, type SignatureAlgorithm } from './signature-scheme.ts';
import type { SubjectPublicKeyInfo } from './spki.ts';

export type SignatureDenialCode =
  | 'signature-algorithm-refused'
  | 'signature-parameters-invalid'
  /** The key is of another kind than the algorithm, or its own identifier restricts it to another use. */
  | 'key-algorithm-mismatch'
  | 'key-malformed'
  | KeyDenialCode
  /** Not the one encoding that a signature by this key has. */
  | 'signature-malformed'
  | 'signature-invalid';

export type SignatureVerdict = { readonly ok: true } | { readonly ok: false; readonly code: SignatureDenialCode };

export interface SignatureInput {
  readonly algorithm: AlgorithmIdentifier;
  readonly spki: SubjectPublicKeyInfo;
  /** The signed bytes as they were received: never a re-encoding. */
  readonly data: Bytes;
  readonly signature: Bytes;
  readonly policy: SignaturePolicy;
  /** How an ECDSA signature is written: X.509's SEQUENCE (the default), or r and s at full length as in JWS. */
  readonly ecdsaEncoding?: 'der' | 'ieee-p1363' | undefined;
}

const COORDINATE_SIZE = { 'P-256': 32, 'P-384': 48, 'P-521': 66 } as const;

/**
 * Establishes, in this order and stopping at the first failure, that
 *  1. `policy` allows the algorithm and digest, and the algorithm's parameters are its own;
 *  2. the key is well-formed, of the algorithm's kind, not restricted to another use, and allowed by `policy`, all before any arithmetic on it;
 *  3. the signature has its one permitted encoding;
 *  4. it is the key's over exactly `data`.
 *
 * Whose key it is, and whether it may sign this, is not established.
 */
export function verifySignature(input: SignatureInput): SignatureVerdict {
  const algorithm = formatChecked(() => signatureAlgorithm(input.algorithm));
  if (algorithm === 'malformed') return denied('signature-parameters-invalid');
  if (algorithm === undefined || !input.policy.schemes.has(algorithm.scheme)) {
    return denied('signature-algorithm-refused');
  }
  if (!saltAllowed(algorithm, input.policy)) return denied('signature-parameters-invalid');
  const key = formatChecked(() => parsePublicKey(input.spki));
  if (key === 'malformed') return denied('key-malformed');
  if (!keySuits(key, algorithm, input.spki)) return denied('key-algorithm-mismatch');
  const refused = keyDenial(key, input.policy.keys);
  if (refused !== undefined) return denied(refused);
  const encoding = input.ecdsaEncoding ?? 'der';
  if (!hasSignatureForm(key, encoding, input.signature)) return denied('signature-malformed');
  const keyObject = importKey(input.spki);
  if (keyObject === undefined) return denied('key-malformed');
  return verifies(algorithm, keyObject, encoding, input) ? { ok: true } : denied('signature-invalid');
}

const denied = (code: SignatureDenialCode): SignatureVerdict => ({ ok: false, code });

/** `parse`'s result, or `malformed` in place of its X509FormatError. */
function formatChecked<T>(parse: () => T): T | 'malformed' {
  try {
    return parse();
  } catch (error) {
    if (error instanceof X509FormatError) return 'malformed';
    throw error;
  }
}

const saltAllowed = (algorithm: SignatureAlgorithm, policy: SignaturePolicy): boolean =>
  algorithm.kind !== 'rsa-pss' || policy.pssSalt === 'declared' || algorithm.saltLength === DIGEST_SIZE[algorithm.hash];

function keySuits(key: PublicKey, algorithm: SignatureAlgorithm, spki: SubjectPublicKeyInfo): boolean {
  switch (algorithm.kind) {
    case 'rsa-pkcs1':
      return key.type === 'rsa' && key.restriction === 'none';
    case 'rsa-pss':
      if (key.type !== 'rsa' || key.restriction === 'oaep') return false;
      return key.restriction === 'none' || pssKeyAllows(spki, algorithm);
    case 'ecdsa':
      return key.type === 'ec';
    case 'ed25519':
      return key.type === 'ed25519';
  }
}

/** RFC 4055 §1.2: an id-RSASSA-PSS key with parameters signs with that digest only, and with at least that much salt. */
function pssKeyAllows(spki: SubjectPublicKeyInfo, algorithm: SignatureAlgorithm & { kind: 'rsa-pss' }): boolean {
  if (spki.algorithm.parameters === undefined) return true;
  const limits = formatChecked(() => parsePssParameters(spki.algorithm));
  return limits !== 'malformed' && limits.hash === algorithm.hash && algorithm.saltLength >= limits.saltLength;
}

function hasSignatureForm(key: PublicKey, encoding: 'der' | 'ieee-p1363', signature: Bytes): boolean {
  switch (key.type) {
    case 'rsa':
      return signature.byteLength === key.modulus.byteLength;
    case 'ec':
      return encoding === 'der'
        ? isDerEcdsaSignature(signature, COORDINATE_SIZE[key.curve])
        : signature.byteLength === 2 * COORDINATE_SIZE[key.curve];
    case 'ed25519':
      return signature.byteLength === 64;
    case 'unsupported':
      return false;
  }
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3): two non-negative INTEGERs in strict DER, neither longer than the group order. */
function isDerEcdsaSignature(signature: Bytes, size: number): boolean {
  const parsed = formatChecked(() => {
    const outer = new DerReader(signature, 'ECDSA-Sig-Value');
    const inner = outer.sequence();
    outer.end();
    const longest = Math.max(inner.unsignedInteger().byteLength, inner.unsignedInteger().byteLength);
    inner.end();
    return longest;
  });
  return parsed !== 'malformed' && parsed <= size;
}

/** Keys by the parsed structure they were read from: an issuer's key is imported once, not at every signature it made. */
const imported = new WeakMap<SubjectPublicKeyInfo, KeyObject>();

/** OpenSSL checks here that an EC point lies on its curve. */
function importKey(spki: SubjectPublicKeyInfo): KeyObject | undefined {
  const known = imported.get(spki);
  if (known !== undefined) return known;
  try {
    const key = createPublicKey({ key: Buffer.from(spki.raw), format: 'der', type: 'spki' });
    imported.set(spki, key);
    return key;
  } catch {
    return undefined;
  }
}

function verifies(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  dsaEncoding: 'der' | 'ieee-p1363',
  { data, signature }: SignatureInput,
): boolean {
  switch (algorithm.kind) {
    case 'rsa-pkcs1':
      return verify(algorithm.hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    case 'rsa-pss': {
      const { hash, saltLength } = algorithm;
      return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
    }
    case 'ecdsa':
      return verify(algorithm.hash, data, { key, dsaEncoding }, signature);
    case 'ed25519':
      return verify(null, data, key, signature);
  }
}
