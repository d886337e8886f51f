import { CHAIN_KEYS, type KeyPolicy, REQUEST_KEYS } from './key-policy.ts';
import type { SignatureScheme } from './signature-scheme.ts';

/** Which signatures are believed. What is not named is refused. */
export interface SignaturePolicy {
  readonly schemes: ReadonlySet<SignatureScheme>;
  readonly keys: KeyPolicy;
  /** `digest`: a PSS salt as long as the digest, as every current profile has it; `declared`: whatever the parameters say. */
  readonly pssSalt: 'digest' | 'declared';
}

/** What path validation accepts: RSA (PKCS #1 v1.5 and PSS) and ECDSA with SHA-256, SHA-384 or SHA-512, keys as CHAIN_KEYS. */
export const CHAIN_SIGNATURES: SignaturePolicy = {
  schemes: new Set<SignatureScheme>([
    'rsa-pkcs1-sha256',
    'rsa-pkcs1-sha384',
    'rsa-pkcs1-sha512',
    'rsa-pss-sha256',
    'rsa-pss-sha384',
    'rsa-pss-sha512',
    'ecdsa-sha256',
    'ecdsa-sha384',
    'ecdsa-sha512',
  ]),
  keys: CHAIN_KEYS,
  pssSalt: 'digest',
};

/** What a request may be signed with: ECDSA or RSA PKCS #1 v1.5 with SHA-256 or SHA-384, keys as REQUEST_KEYS. */
export const REQUEST_SIGNATURES: SignaturePolicy = {
  schemes: new Set<SignatureScheme>(['rsa-pkcs1-sha256', 'rsa-pkcs1-sha384', 'ecdsa-sha256', 'ecdsa-sha384']),
  keys: REQUEST_KEYS,
  pssSalt: 'digest',
};
