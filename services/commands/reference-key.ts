import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';

import { signerKeyId } from '#attestation/reference-manifest.ts';
import type { Bytes } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';
import { KeyFileError, openKey, sealKey } from '#pki/key-file.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { PrivateFileError, readPrivateFile } from '#pki/private-file.ts';

import type { CommandTerminal } from './command-terminal.ts';

export interface KeyOptions {
  readonly key: string;
  readonly passphraseFile?: string | undefined;
}

const KEY_MAX_BYTES = 65_536;
const LABEL = 'muster reference values';

/**
 * Makes an Ed25519 key for signing reference values: the private half in `options.key` (mode 0600, sealed under the passphrase where one is
 * given), the public half beside it with `.pub.pem` at its end, for the policy to name. Neither file may exist. Throws CommandFailure.
 */
export async function makeReferenceKey(options: KeyOptions, terminal: CommandTerminal): Promise<void> {
  const file = resolve(terminal.workingDirectory, options.key);
  const publicFile = `${file}.pub.pem`;
  for (const path of [file, publicFile]) if (existsSync(path)) throw existing(path);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const content =
    options.passphraseFile === undefined
      ? privateKey.export({ type: 'pkcs8', format: 'pem' })
      : await sealUnder(privateKey, resolve(terminal.workingDirectory, options.passphraseFile));
  writeNew(file, content, 0o600);
  writeNew(publicFile, publicKey.export({ type: 'spki', format: 'pem' }), 0o644);
  terminal.out(
    `Made ${options.key} and ${options.key}.pub.pem, key ${keyIdOf(publicKey)}.\n` +
      'Keep the first where images are built or released, away from the service. Name the second under referenceSigners in the policy.\n',
  );
}

/**
 * The Ed25519 private key in a file that nobody else may read: PKCS#8 PEM, or sealed by `muster reference keygen`. Rejects with
 * CommandFailure.
 */
export async function readReferenceKey(options: KeyOptions, workingDirectory: string): Promise<KeyObject> {
  const file = resolve(workingDirectory, options.key);
  const key = await saying(file, async () => {
    const bytes = await readPrivateFile(file, KEY_MAX_BYTES);
    if (!isSealed(bytes)) return createPrivateKey(Buffer.from(bytes));
    if (options.passphraseFile === undefined) {
      throw new CommandFailure(EXIT.usage, `${file} is sealed`, 'Give its passphrase with --passphrase-file.');
    }
    return openKey(bytes, await readPassphrase(resolve(workingDirectory, options.passphraseFile)));
  });
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new CommandFailure(EXIT.configuration, `${file} is not an Ed25519 private key`);
}

/** What signatures call this key's public half. */
export const keyIdOf = (key: KeyObject): string =>
  signerKeyId((key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' }));

const isSealed = (bytes: Bytes): boolean => bytes[0] === '{'.charCodeAt(0);

async function sealUnder(key: KeyObject, passphraseFile: string): Promise<Bytes> {
  const passphrase = await saying(passphraseFile, () => readPassphrase(passphraseFile));
  return sealKey(key, passphrase, { label: LABEL, random: systemRandom });
}

async function saying<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    // An error of the crypto library about a key's text may quote the text.
    const known = error instanceof PrivateFileError || error instanceof KeyFileError || isFileError(error);
    throw new CommandFailure(
      EXIT.configuration,
      known ? `${file}: ${error.message}` : `${file} is not a private key in PEM`,
    );
  }
}

const isFileError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error;

function writeNew(path: string, content: string | Buffer | Bytes, mode: number): void {
  const file = openNew(path, mode);
  try {
    writeSync(file, typeof content === 'string' ? Buffer.from(content) : content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function openNew(path: string, mode: number): number {
  try {
    return openSync(path, 'wx', mode);
  } catch (error) {
    if (!isFileError(error)) throw error;
    throw error.code === 'EEXIST'
      ? existing(path)
      : new CommandFailure(EXIT.cannotCreate, `${path} cannot be written (${error.code ?? ''})`);
  }
}

const existing = (path: string): CommandFailure =>
  new CommandFailure(EXIT.cannotCreate, `${path} exists and was left as it is`, 'Give another name with --out.');
