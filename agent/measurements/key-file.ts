import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { Bytes } from '#core/bytes.ts';
import { type SpkiFingerprint, spkiFingerprint } from '#core/ids.ts';

import { type AtomicFileDeps, makeDirectory, replaceFile } from '../atomic-file.ts';
import { MeasurementError } from './measurement-error.ts';

/** The key that this machine signs its measurements with. */
export interface SigningKey {
  readonly key: KeyObject;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  readonly id: SpkiFingerprint;
}

/**
 * The P-256 key in `file`, made there with mode 0600 when there is none. Throws MeasurementError for a file that others can read, or that holds no
 * such key: neither is repaired silently, for the service knows the machine by this key.
 */
export async function loadSigningKey(file: string, deps: AtomicFileDeps): Promise<SigningKey> {
  const held = await readKeyFile(file);
  if (held !== undefined) return signingKey(parseKey(held, file));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await makeDirectory(dirname(file), 0o700, deps);
  await replaceFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), deps);
  return signingKey(privateKey);
}

const MAX_KEY_BYTES = 8_192;

async function readKeyFile(file: string): Promise<string | undefined> {
  try {
    await using handle = await open(file, 'r');
    const { mode, size } = await handle.stat();
    if ((mode & 0o077) !== 0) {
      const advice = 'make a new key in its place, mode 0600, and have an administrator enrol that one';
      throw new MeasurementError(`${file} is open to others, who may have copied the key`, advice);
    }
    return size > MAX_KEY_BYTES ? '' : await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseKey(pem: string, file: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Said below, like a key of another type.
  }
  throw new MeasurementError(
    `${file} does not hold a P-256 key`,
    'restore the file, or remove it and enrol the machine anew',
  );
}

function signingKey(key: KeyObject): SigningKey {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { key, spki, id: spkiFingerprint(spki) };
}
