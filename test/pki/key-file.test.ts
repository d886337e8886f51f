import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Bytes, fromBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { Secret } from '#core/secret.ts';
import { KeyFileError, openKey, sealKey } from '#pki/key-file.ts';
import { PrivateFileError } from '#pki/private-file.ts';
import { localSigner, openKeyFile } from '#pki/signer-file.ts';
import { labKey } from '#test/lab/node-ca.ts';

const passphrase = new Secret(utf8('correct horse battery'));
const key = labKey();
let sealed: Bytes;
let directory: string;

beforeAll(async () => {
  sealed = await sealKey(key, passphrase, { label: 'lab key', random: systemRandom });
  directory = await mkdtemp(join(tmpdir(), 'muster-key-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface SealedFile {
  header: Record<string, unknown>;
  sealed: string;
}

/** The sealed file with something changed in its JSON. */
function altered(change: (file: SealedFile) => unknown): Bytes {
  const file: SealedFile = JSON.parse(Buffer.from(sealed).toString());
  return utf8(JSON.stringify(change(file) ?? file));
}

async function codeOf(file: Bytes, phrase = passphrase): Promise<string> {
  try {
    await openKey(file, phrase);
    return 'opened';
  } catch (error) {
    return error instanceof KeyFileError ? error.code : String(error);
  }
}

const flipped = (text: string, bit: number): string => {
  const bytes = Buffer.from(fromBase64Url(text));
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return toBase64Url(bytes);
};

describe('a sealed key file', () => {
  test('opens with its passphrase to a signer over the same key', async () => {
    const signer = await openKeyFile(sealed, passphrase);
    expect(signer.spki).toEqual(createPublicKey(key).export({ type: 'spki', format: 'der' }));
    const signature = await signer.sign(utf8('to be signed'));
    expect(verify('sha256', utf8('to be signed'), createPublicKey(key), signature)).toBe(true);
  });

  test('does not open with another passphrase', async () => {
    expect(await codeOf(sealed, new Secret(utf8('correct horse batterz')))).toBe('cannot-open');
  });

  test('holds neither the key nor the passphrase in the clear', () => {
    const text = Buffer.from(sealed).toString('latin1');
    const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
    const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
    for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const) {
      expect(text).not.toContain(pkcs8.toString(form));
      expect(text).not.toContain(secret.toString(form));
    }
    expect(text).not.toContain('correct horse');
  });

  test('seals the same key differently each time', async () => {
    const again = await sealKey(key, passphrase, { label: 'lab key', random: systemRandom });
    expect(JSON.parse(Buffer.from(again).toString()).sealed).not.toBe(
      JSON.parse(Buffer.from(sealed).toString()).sealed,
    );
  });

  // One bit of each authenticated part: each of these derives the key, so each costs half a second.
  test.for<[string, (file: SealedFile) => unknown]>([
    ['label', (file) => ({ ...file, header: { ...file.header, label: 'another key' } })],
    ['salt', (file) => ({ ...file, header: { ...file.header, salt: flipped(String(file.header['salt']), 0) } })],
    ['nonce', (file) => ({ ...file, header: { ...file.header, nonce: flipped(String(file.header['nonce']), 0) } })],
    [
      'public key',
      (file) => ({ ...file, header: { ...file.header, spki: flipped(String(file.header['spki']), 700) } }),
    ],
    ['ciphertext', (file) => ({ ...file, sealed: flipped(file.sealed, 9) })],
  ])('does not open with its %s altered', async ([, change]) => {
    expect(await codeOf(altered(change))).toBe('cannot-open');
  });

  test.for<[string, (file: SealedFile) => unknown, string]>([
    ['another version', (file) => ({ ...file, header: { ...file.header, version: 2 } }), 'unsupported'],
    ['a weaker derivation', (file) => ({ ...file, header: { ...file.header, kdf: 'scrypt-n1-r8-p1' } }), 'unsupported'],
    ['another cipher', (file) => ({ ...file, header: { ...file.header, cipher: 'aes-128-ctr' } }), 'unsupported'],
    ['another format', (file) => ({ ...file, header: { ...file.header, format: 'other' } }), 'malformed'],
    ['a member more', (file) => ({ ...file, more: 1 }), 'malformed'],
    ['a header member more', (file) => ({ ...file, header: { ...file.header, n: 2 } }), 'malformed'],
    ['a header member less', (file) => ({ ...file, header: { ...file.header, label: undefined } }), 'malformed'],
    ['a label with a line feed', (file) => ({ ...file, header: { ...file.header, label: 'a\nb' } }), 'malformed'],
    ['a short salt', (file) => ({ ...file, header: { ...file.header, salt: 'AAAA' } }), 'malformed'],
    ['a long nonce', (file) => ({ ...file, header: { ...file.header, nonce: 'A'.repeat(24) } }), 'malformed'],
    ['nothing but a tag', (file) => ({ ...file, sealed: 'A'.repeat(21) + 'A' }), 'malformed'],
    ['padded base64', (file) => ({ ...file, sealed: `${file.sealed}==` }), 'malformed'],
    ['a list for a header', (file) => ({ ...file, header: [] }), 'malformed'],
    ['a string in place of it all', () => 'sealed', 'malformed'],
  ])('is refused unopened with %s', async ([, change, code]) => {
    expect(await codeOf(altered(change))).toBe(code);
  });

  test('is refused unread when it is too large, not UTF-8 or not JSON', async () => {
    expect(await codeOf(Buffer.concat([sealed, Buffer.alloc(4_097 - sealed.byteLength, 0x20)]))).toBe('malformed');
    expect(await codeOf(Buffer.of(0xff, 0xfe))).toBe('malformed');
    expect(await codeOf(utf8('{'))).toBe('malformed');
  });

  test('is read from a path that nobody else may read, and refused from another', async () => {
    const path = join(directory, 'ca.key');
    await writeFile(path, sealed, { mode: 0o600 });
    expect((await openKeyFile(path, passphrase)).spki).toEqual(localSigner(key).spki);
    await chmod(path, 0o644);
    await expect(openKeyFile(path, passphrase)).rejects.toBeInstanceOf(PrivateFileError);
  });
});

describe('sealKey', () => {
  const options = { label: 'lab key', random: systemRandom };

  test('refuses a passphrase under 12 bytes', async () => {
    await expect(sealKey(key, new Secret(utf8('elevenbytes')), options)).rejects.toThrow(RangeError);
  });

  test('refuses a label that does not fit on one line', async () => {
    await expect(sealKey(key, passphrase, { ...options, label: 'a\nb' })).rejects.toThrow(RangeError);
    await expect(sealKey(key, passphrase, { ...options, label: '' })).rejects.toThrow(RangeError);
  });

  test('seals an Ed25519 key too, which no issuer takes', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const opened = await openKey(await sealKey(privateKey, passphrase, options), passphrase);
    expect(opened.equals(privateKey)).toBe(true);
    expect(() => localSigner(opened)).toThrow(TypeError);
  });

  test('refuses any other key', async () => {
    await expect(sealKey(generateKeyPairSync('ed25519').publicKey, passphrase, options)).rejects.toThrow(TypeError);
    await expect(sealKey(generateKeyPairSync('x25519').privateKey, passphrase, options)).rejects.toThrow(TypeError);
    await expect(sealKey(labKey('P-384'), passphrase, options)).rejects.toThrow(TypeError);
    await expect(sealKey(createPublicKey(key), passphrase, options)).rejects.toThrow(TypeError);
  });

  test('does not block the event loop while it derives the key', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 5);
    await sealKey(key, passphrase, options);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });
});
