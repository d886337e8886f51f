import {
  createPrivateKey,
  createPublicKey,
  createCipheriv,
  createDecipheriv,
  type KeyObject,
  scrypt,
} from 'node:crypto';

import { type Bytes, concatBytes, fromBase64Url, isBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import type { RandomSource } from '#core/random.ts';
import type { Secret } from '#core/secret.ts';

import { PASSPHRASE_MIN_BYTES } from './passphrase.ts';

/** Why a sealed key cannot be had. `cannot-open`: the passphrase is wrong or the file was altered; which of the two cannot be known. */
export type KeyFileCode = 'malformed' | 'unsupported' | 'cannot-open';

/** A sealed key file that does not open. The message holds nothing of the key or the passphrase. */
export class KeyFileError extends Error {
  readonly code: KeyFileCode;

  constructor(code: KeyFileCode, detail: string) {
    super(detail);
    this.name = 'KeyFileError';
    this.code = code;
  }
}

/** Bytes a sealed key file may have. */
export const SEALED_KEY_MAX_BYTES = 4_096;

/**
 * Version 1: scrypt with N = 2^17, r = 8, p = 1 (128 MiB, about half a second) and AES-256-GCM. The costs are part of the version and
 * not of the file, so that nobody who can write to the file chooses them.
 */
const VERSION_1 = { kdf: 'scrypt-n17-r8-p1', cipher: 'aes-256-gcm' } as const;
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 144 * 2 ** 20 };
const SALT_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LABEL = /^[\x20-\x7e]{1,64}$/;

interface Header {
  readonly format: 'muster-sealed-key';
  readonly version: 1;
  /** For people: which key this is. Authenticated, so a label cannot be moved to another key. */
  readonly label: string;
  readonly kdf: typeof VERSION_1.kdf;
  readonly cipher: typeof VERSION_1.cipher;
  readonly salt: string;
  readonly nonce: string;
  /** DER SubjectPublicKeyInfo, so that a key file can be matched to its certificate without the passphrase. */
  readonly spki: string;
}

/**
 * A P-256 or Ed25519 private key as the bytes of a sealed key file: JSON, its header authenticated and its PKCS#8 encrypted under the passphrase.
 * `label` is 1 to 64 printable ASCII characters. Does not block the event loop. Throws RangeError on a passphrase under 12 bytes.
 */
export async function sealKey(
  key: KeyObject,
  passphrase: Secret<Bytes>,
  options: { readonly label: string; readonly random: RandomSource },
): Promise<Bytes> {
  assertSealable(key);
  if (!LABEL.test(options.label)) throw new RangeError('label must be 1 to 64 printable ASCII characters');
  if (passphrase.reveal().byteLength < PASSPHRASE_MIN_BYTES) throw new RangeError('passphrase is too short');
  const salt = options.random(SALT_BYTES);
  const nonce = options.random(NONCE_BYTES);
  const header: Header = {
    format: 'muster-sealed-key',
    version: 1,
    label: options.label,
    ...VERSION_1,
    salt: toBase64Url(salt),
    nonce: toBase64Url(nonce),
    spki: toBase64Url(spkiOf(key)),
  };
  const wrappingKey = await deriveKey(passphrase, salt);
  const plaintext = key.export({ type: 'pkcs8', format: 'der' });
  const cipher = createCipheriv(VERSION_1.cipher, wrappingKey, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(headerBytes(header));
  const sealed = concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  wrappingKey.fill(0);
  plaintext.fill(0);
  return utf8(`${JSON.stringify({ header, sealed: toBase64Url(sealed) }, null, 2)}\n`);
}

/**
 * The private key in a sealed key file, P-256 or Ed25519: on resolution header and key are as they were sealed, together and under this
 * passphrase. Does not block the event loop. Rejects with KeyFileError.
 */
export async function openKey(file: Bytes, passphrase: Secret<Bytes>): Promise<KeyObject> {
  const { header, sealed } = parseKeyFile(file);
  const wrappingKey = await deriveKey(passphrase, fromBase64Url(header.salt));
  const plaintext = decrypt(header, sealed, wrappingKey);
  wrappingKey.fill(0);
  const key = createPrivateKey({ key: plaintext, type: 'pkcs8', format: 'der' });
  plaintext.fill(0);
  return key;
}

/** Throws TypeError unless `key` is a P-256 private key. */
export function assertP256PrivateKey(key: KeyObject): void {
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (key.type !== 'private' || !isP256) throw new TypeError('not a P-256 private key');
}

function assertSealable(key: KeyObject): void {
  if (key.type === 'private' && key.asymmetricKeyType === 'ed25519') return;
  assertP256PrivateKey(key);
}

function decrypt(header: Header, sealed: Bytes, wrappingKey: Bytes): Buffer {
  const split = sealed.byteLength - TAG_BYTES;
  const decipher = createDecipheriv(VERSION_1.cipher, wrappingKey, fromBase64Url(header.nonce), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(headerBytes(header));
  decipher.setAuthTag(sealed.subarray(split));
  const plaintext = decipher.update(sealed.subarray(0, split));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new KeyFileError('cannot-open', 'the passphrase is wrong, or the key file was altered');
  }
  return plaintext;
}

function parseKeyFile(file: Bytes): { readonly header: Header; readonly sealed: Bytes } {
  if (file.byteLength > SEALED_KEY_MAX_BYTES) throw malformed('too large');
  const { header, sealed } = members(parseJson(file), ['header', 'sealed']);
  const fields = members(header, ['format', 'version', 'label', 'kdf', 'cipher', 'salt', 'nonce', 'spki']);
  const { format, version, label, kdf, cipher } = fields;
  if (format !== 'muster-sealed-key') throw malformed('not a sealed key');
  if (version !== 1 || kdf !== VERSION_1.kdf || cipher !== VERSION_1.cipher) {
    throw new KeyFileError('unsupported', 'sealed by another version of this program');
  }
  if (typeof label !== 'string' || !LABEL.test(label)) throw malformed('label');
  const salt = binaryMember(fields['salt'], SALT_BYTES, SALT_BYTES);
  const nonce = binaryMember(fields['nonce'], NONCE_BYTES, NONCE_BYTES);
  const spki = binaryMember(fields['spki'], 1, 256);
  const sealedText = binaryMember(sealed, TAG_BYTES + 1, 1_024);
  return { header: { format, version, label, kdf, cipher, salt, nonce, spki }, sealed: fromBase64Url(sealedText) };
}

/** Base64url text of `min` to `max` bytes. */
function binaryMember(value: unknown, min: number, max: number): string {
  if (typeof value !== 'string' || !isBase64Url(value)) throw malformed('not base64url');
  const { byteLength } = fromBase64Url(value);
  if (byteLength < min || byteLength > max) throw malformed('a binary member of the wrong length');
  return value;
}

function members(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not an object');
  const entries = new Map<string, unknown>(Object.entries(value));
  if (entries.size !== names.length || !names.every((name) => entries.has(name))) throw malformed('unexpected members');
  return Object.fromEntries(entries);
}

function parseJson(file: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file));
  } catch {
    throw malformed('not JSON');
  }
}

const malformed = (detail: string): KeyFileError => new KeyFileError('malformed', `sealed key file: ${detail}`);

const headerBytes = (header: Header): Bytes => utf8(canonicalJson({ ...header }));

const spkiOf = (key: KeyObject): Bytes => createPublicKey(key).export({ type: 'spki', format: 'der' });

function deriveKey(passphrase: Secret<Bytes>, salt: Bytes): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.reveal(), salt, 32, SCRYPT, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
