import { hash } from 'node:crypto';

import type { Bytes } from './bytes.ts';

/** Hash algorithms a TPM and this system share. SHA-1 is here to be recognised and refused. */
export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** Digest sizes in bytes. */
export const DIGEST_SIZE: Readonly<Record<HashName, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/** The digest of `data`, `DIGEST_SIZE[algorithm]` bytes. */
export function digest(algorithm: HashName, data: Bytes): Bytes {
  return hash(algorithm, data, 'buffer');
}

/** SHA-256 of `data`, 32 bytes. */
export function sha256(data: Bytes): Bytes {
  return hash('sha256', data, 'buffer');
}

/** SHA-256 of `data`, 64 characters of lower-case hex. */
export function sha256Hex(data: Bytes): string {
  return hash('sha256', data, 'hex');
}
