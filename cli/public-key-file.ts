import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Bytes } from '#core/bytes.ts';

/** A file that is not one public key in PEM. */
export class PublicKeyFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PublicKeyFileError';
  }
}

const MAX_CHARACTERS = 8_192;

/**
 * DER SubjectPublicKeyInfo of the public key in the PEM file at `path`. Throws PublicKeyFileError where there is none; a private key is refused,
 * for it has no business here.
 */
export function readPublicKey(path: string): Bytes {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    throw new PublicKeyFileError(
      `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'})`,
    );
  }
  if (pem.length > MAX_CHARACTERS || !pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----')) {
    throw new PublicKeyFileError('not a public key in PEM (BEGIN PUBLIC KEY)');
  }
  try {
    return createPublicKey({ key: pem, format: 'pem' }).export({ format: 'der', type: 'spki' });
  } catch {
    throw new PublicKeyFileError('not a public key in PEM');
  }
}
