import type { HashName } from '#core/digest.ts';
import { DIGEST_SIZE } from '#core/digest.ts';

import { type AlgorithmIdentifier, hasNullParameters } from './algorithm.ts';
import { DerReader } from './der-reader.ts';
import { X509FormatError } from './format-error.ts';
import { DIGEST_OID, KEY_ALGORITHM, MGF1 } from './oids.ts';

/** A signature algorithm with its digest: what a policy allows or does not. */
export type SignatureScheme =
  | `rsa-pkcs1-${HashName}`
  | `rsa-pss-${Exclude<HashName, 'sha1'>}`
  | `ecdsa-${HashName}`
  | 'ed25519';

/** The same, taken apart, with what the parameters add. */
export type SignatureAlgorithm =
  | { readonly kind: 'rsa-pkcs1'; readonly scheme: SignatureScheme; readonly hash: HashName }
  | { readonly kind: 'rsa-pss'; readonly scheme: SignatureScheme; readonly hash: HashName; readonly saltLength: number }
  | { readonly kind: 'ecdsa'; readonly scheme: SignatureScheme; readonly hash: HashName }
  | { readonly kind: 'ed25519'; readonly scheme: 'ed25519' };

/** RSASSA-PSS-params with one digest throughout (RFC 4055 §3.1). */
export interface PssParameters {
  readonly hash: Exclude<HashName, 'sha1'>;
  readonly saltLength: number;
}

const RSA_PKCS1: ReadonlyMap<string, HashName> = new Map<string, HashName>([
  ['1.2.840.113549.1.1.5', 'sha1'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
]);

const ECDSA: ReadonlyMap<string, HashName> = new Map<string, HashName>([
  ['1.2.840.10045.4.1', 'sha1'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
]);

const PSS_HASHES: ReadonlyMap<string, PssParameters['hash']> = new Map<string, PssParameters['hash']>([
  [DIGEST_OID.sha256, 'sha256'],
  [DIGEST_OID.sha384, 'sha384'],
  [DIGEST_OID.sha512, 'sha512'],
]);

const SALT_LENGTH_MAX = 512;

/**
 * The algorithm that `identifier` names, parameters checked (RFC 4055 §3.1, §5; RFC 5758 §3.2; RFC 8410 §3): NULL or absent for PKCS #1 v1.5,
 * one digest throughout for PSS, absent otherwise. Undefined for an algorithm not known here: MD5, DSA and SHA-224 among them.
 * Throws X509FormatError when the parameters are not the algorithm's.
 */
export function signatureAlgorithm(identifier: AlgorithmIdentifier): SignatureAlgorithm | undefined {
  const { oid, parameters } = identifier;
  const pkcs1 = RSA_PKCS1.get(oid);
  if (pkcs1 !== undefined) {
    if (parameters !== undefined && !hasNullParameters(identifier)) throw parametersFault();
    return { kind: 'rsa-pkcs1', scheme: `rsa-pkcs1-${pkcs1}`, hash: pkcs1 };
  }
  if (oid === KEY_ALGORITHM.rsassaPss) {
    const { hash, saltLength } = parsePssParameters(identifier);
    return { kind: 'rsa-pss', scheme: `rsa-pss-${hash}`, hash, saltLength };
  }
  const ecdsa = ECDSA.get(oid);
  if (ecdsa === undefined && oid !== KEY_ALGORITHM.ed25519) return undefined;
  if (parameters !== undefined) throw parametersFault();
  return ecdsa === undefined
    ? { kind: 'ed25519', scheme: 'ed25519' }
    : { kind: 'ecdsa', scheme: `ecdsa-${ecdsa}`, hash: ecdsa };
}

/**
 * RSASSA-PSS-params (RFC 4055 §3.1). Throws X509FormatError when absent, when the digest is not SHA-256, SHA-384 or SHA-512, when the mask
 * generation function is not MGF1 with that digest, and on a trailer field: its one value is the default, which DER leaves out.
 */
export function parsePssParameters(identifier: AlgorithmIdentifier): PssParameters {
  if (identifier.parameters === undefined) throw parametersFault();
  const outer = new DerReader(identifier.parameters, 'RSASSA-PSS-params');
  const inner = outer.sequence();
  outer.end();
  const hash = readTaggedHash(inner.inside(0xa0));
  const mgf = inner.inside(0xa1).sequence();
  if (mgf.oid() !== MGF1 || readHash(mgf) !== hash) throw mgf.fail('bad-value');
  mgf.end();
  const salt = inner.tagged(2);
  const saltLength = salt?.smallInteger(SALT_LENGTH_MAX) ?? DIGEST_SIZE.sha1;
  salt?.end();
  inner.end();
  return { hash, saltLength };
}

function readTaggedHash(explicit: DerReader): PssParameters['hash'] {
  const hash = readHash(explicit);
  explicit.end();
  return hash;
}

/** RFC 4055 §2.1: parameters NULL or absent. */
function readHash(reader: DerReader): PssParameters['hash'] {
  const inner = reader.sequence();
  const hash = PSS_HASHES.get(inner.oid());
  if (hash === undefined) throw inner.fail('bad-value');
  if (inner.remaining > 0) inner.null();
  inner.end();
  return hash;
}

const parametersFault = (): X509FormatError => new X509FormatError('bad-value', 0, 'AlgorithmIdentifier parameters');
