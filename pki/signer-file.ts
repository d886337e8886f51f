import { createPublicKey, type KeyObject, sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import type { Secret } from '#core/secret.ts';

import { assertP256PrivateKey, openKey, SEALED_KEY_MAX_BYTES } from './key-file.ts';
import { readPrivateFile } from './private-file.ts';
import type { ManagedSigner, Signer } from './signer.ts';

/**
 * The key in a sealed key file, given as a path or as the file's bytes. Reads a path once; later changes to the file do not matter.
 * Rejects with PrivateFileError when others may read the file, with KeyFileError as `openKey` says.
 */
export async function openKeyFile(source: string | Bytes, passphrase: Secret<Bytes>): Promise<Signer> {
  const bytes = typeof source === 'string' ? await readPrivateFile(source, SEALED_KEY_MAX_BYTES) : source;
  return localSigner(await openKey(bytes, passphrase));
}

/** A signer over a P-256 private key in this process. Throws TypeError on any other key. */
export function localSigner(key: KeyObject): Signer {
  assertP256PrivateKey(key);
  const spki: Bytes = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return Object.freeze({
    spki,
    // On the calling thread: a signature takes about 20 µs, less than the way to the thread pool and back.
    sign: async (tbs: Bytes): Promise<Bytes> => sign('sha256', tbs, key),
  });
}

/** `signer`, which is in this process, as one that is never away. */
export const managedSigner = (signer: Signer): ManagedSigner =>
  Object.freeze({
    ...signer,
    probe: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
