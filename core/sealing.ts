import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

import { type Bytes, concatBytes, equalBytes, utf8 } from './bytes.ts';
import type { RandomSource } from './random.ts';
import type { Secret } from './secret.ts';

/** The key that this service seals with what it hands out and wants back unread and unchanged. Every replica has the same. */
export interface SealingKey {
  /** 8 bytes: the name that the key goes by in what it sealed. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly secret: Secret<Bytes>;
}

/** Which keys seal and open, which changes with time. */
export interface SealingKeys {
  /** The one that seals. */
  sealing(at: Date): SealingKey;
  /** Those whose boxes are opened. */
  opening(at: Date): readonly SealingKey[];
}

/** Version 1: a key for each box from HMAC-SHA-256 over its salt, AES-256-GCM under that key. */
const VERSION = Uint8Array.of(1);
const KEY_ID_BYTES = 8;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = VERSION.byteLength + KEY_ID_BYTES;

/** `plaintext`, sealed for one purpose: nobody without the key can read or change it, and it opens for that purpose alone. */
export function seal(plaintext: Bytes, key: SealingKey, purpose: string, random: RandomSource): Bytes {
  const header = concatBytes(VERSION, key.id);
  const salt = random(SALT_BYTES);
  const iv = random(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', boxKey(key, purpose, salt), iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(header);
  const sealed = concatBytes(cipher.update(plaintext), cipher.final());
  return concatBytes(header, salt, iv, sealed, cipher.getAuthTag());
}

/** What `seal` was given, or undefined for bytes that it did not make with one of these keys and for this purpose. */
export function unseal(box: Bytes, keys: readonly SealingKey[], purpose: string): Bytes | undefined {
  const sealedAt = HEADER_BYTES + SALT_BYTES + IV_BYTES;
  if (box.byteLength < sealedAt + TAG_BYTES) return undefined;
  const header = box.subarray(0, HEADER_BYTES);
  const key = keys.find(({ id }) => equalBytes(header, concatBytes(VERSION, id)));
  if (key === undefined) return undefined;
  const salt = box.subarray(HEADER_BYTES, HEADER_BYTES + SALT_BYTES);
  const iv = box.subarray(HEADER_BYTES + SALT_BYTES, sealedAt);
  const decipher = createDecipheriv('aes-256-gcm', boxKey(key, purpose, salt), iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(header);
  decipher.setAuthTag(box.subarray(-TAG_BYTES));
  const plaintext = decipher.update(box.subarray(sealedAt, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}

/**
 * A key of its own for each box: replicas share the file's key for years, and random 96-bit IVs under one key would repeat within the number
 * of boxes they seal (NIST SP 800-38D §8.3). The purpose is part of it, ended by a zero so that none is the beginning of another.
 */
const boxKey = (key: SealingKey, purpose: string, salt: Bytes): Bytes =>
  createHmac('sha256', key.secret.reveal())
    .update(utf8(`${purpose}\0`))
    .update(salt)
    .digest();
