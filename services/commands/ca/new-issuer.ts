import { createPublicKey } from 'node:crypto';
import { basename, dirname, join, relative, resolve } from 'node:path';

import { parseDocument } from 'yaml';
import { z } from 'zod';

import { toHex } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';
import { generateKey } from '#pki/ceremony.ts';
import { openKey, sealKey } from '#pki/key-file.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import type { Signer } from '#pki/signer.ts';
import { localSigner } from '#pki/signer-file.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import { parseSpki } from '#pki/x509/spki.ts';

import { readEnvironment, type ServerConfig } from '#services/config/config.ts';
import { openSigner } from '../../open-signer.ts';
import { signerSchema, withAbsoluteSignerPaths } from '#services/config/signer-config.ts';
import { readDocument, readTextFile } from '#services/config/strict-document.ts';
import type { CaConfig } from './ca-config.ts';

/** The key of an issuing CA to be. */
export interface NewIssuer {
  readonly signer: Signer;
  readonly keyId: string;
  /** The bytes of its sealed file where it was made now; undefined where it is elsewhere, or sealed already. */
  readonly sealedKey: Uint8Array | undefined;
  readonly keyFile: string;
  readonly chainFile: string;
  /** `signer` as the configuration will say it. */
  readonly signerEntry: unknown;
}

export interface NewIssuerOptions {
  readonly signer?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly passphraseFile?: string | undefined;
}

const KEY_MAX_BYTES = 4_096;
const ID_DIGITS = 12;
const LABEL = 'Muster node issuing CA';

/** A key that is made now and sealed like the present one; or, with `signer`, the existing key that it describes, in Vault or a token. */
export async function newIssuer(
  found: CaConfig,
  options: NewIssuerOptions,
  workingDirectory: string,
): Promise<NewIssuer> {
  if (options.signer !== undefined) return existingKey(found, options, workingDirectory);
  const key = await generateKey();
  const passphrase = await readPassphrase(passphraseFile(found.config, options, workingDirectory));
  const sealedKey = await sealKey(key, passphrase, { label: LABEL, random: systemRandom });
  return described(found, localSigner(key), sealedKey);
}

/** The key for `spki` that an earlier `--request` sealed, or that `options.signer` describes. */
export async function requestedIssuer(
  found: CaConfig,
  spki: Uint8Array,
  options: NewIssuerOptions,
  workingDirectory: string,
): Promise<NewIssuer> {
  if (options.signer !== undefined) return existingKey(found, options, workingDirectory, spki);
  const place = described(found, { spki, sign: () => Promise.reject(new Error('opened below')) }, undefined);
  const passphrase = await readPassphrase(passphraseFile(found.config, options, workingDirectory));
  const key = await openKey(await readPrivateFile(place.keyFile, KEY_MAX_BYTES), passphrase);
  return { ...place, signer: localSigner(key) };
}

async function existingKey(
  found: CaConfig,
  { signer: file = '', publicKey }: NewIssuerOptions,
  workingDirectory: string,
  given?: Uint8Array,
): Promise<NewIssuer> {
  const path = resolve(workingDirectory, file);
  const config = await readDocument(path, z.strictObject({ signer: signerSchema }));
  if (given === undefined && publicKey === undefined) {
    throw new CommandFailure(EXIT.usage, '--signer needs --public-key: a PEM file with the key’s public half');
  }
  const spki =
    given ??
    createPublicKey(await readTextFile(resolve(workingDirectory, publicKey ?? ''))).export({
      type: 'spki',
      format: 'der',
    });
  const at = (name: string): string => resolve(dirname(found.file), name);
  const { credentialsDirectory } = readEnvironment();
  const signer = await openSigner(withAbsoluteSignerPaths(config.signer, at), { credentialsDirectory, spki });
  const entry: unknown = parseDocument(await readTextFile(path)).get('signer');
  return { ...described(found, signer, undefined), signerEntry: entry };
}

function described(found: CaConfig, signer: Signer, sealedKey: Uint8Array | undefined): NewIssuer {
  const keyId = toHex(keyIdentifier(parseSpki(signer.spki)));
  const directory = dirname(found.config.issuer.chain);
  const keyFile = join(directory, `node-issuing-${keyId.slice(0, ID_DIGITS)}.key`);
  const passphrase = parseDocument(found.text).getIn(['issuer', 'signer', 'passphrase']);
  return {
    signer,
    keyId,
    sealedKey,
    keyFile,
    chainFile: join(directory, `${basename(keyFile, '.key')}-chain.pem`),
    signerEntry: { kind: 'file', key: relative(dirname(found.file), keyFile), passphrase },
  };
}

function passphraseFile(
  { issuer: { signer } }: ServerConfig,
  { passphraseFile: given }: NewIssuerOptions,
  workingDirectory: string,
): string {
  if (signer.kind !== 'file') {
    throw new CommandFailure(EXIT.usage, 'the present key is not in a sealed file: name the next one with --signer');
  }
  if (given !== undefined) return resolve(workingDirectory, given);
  if (signer.passphrase.kind === 'file') return signer.passphrase.path;
  const { credentialsDirectory } = readEnvironment();
  if (credentialsDirectory !== undefined) return join(credentialsDirectory, signer.passphrase.name);
  throw new CommandFailure(EXIT.usage, 'the passphrase is a systemd credential: give it with --passphrase-file');
}
