import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Bytes } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import type { ManagedSigner } from '#pki/signer.ts';
import { managedSigner, openKeyFile } from '#pki/signer-file.ts';
import { pkcs11Signer } from '#pki/signer-pkcs11.ts';
import { vaultSigner } from '#pki/signer-vault.ts';
import { VaultConnection } from '#pki/vault/connection.ts';
import { VaultSession } from '#pki/vault/session.ts';

import { elapsedMs } from '#services/compose/monotonic.ts';
import type { PassphraseSource, SignerConfig } from '#services/config/signer-config.ts';
import { ConfigError, readTextFile } from '#services/config/strict-document.ts';

export interface SignerWorld {
  /** Where systemd put the unit's credentials. */
  readonly credentialsDirectory: string | undefined;
  /** DER SubjectPublicKeyInfo of the issuing CA's certificate. */
  readonly spki: Bytes;
}

type VaultConfig = Extract<SignerConfig, { kind: 'vault' }>;

const KEY_MAX_BYTES = 65_536;
/** One request of the key server's, within a signature's patience. */
const VAULT_REQUEST_MS = 4_000;
const FRACTIONS = 2 ** 32;

/**
 * The signer that `config` describes. A sealed key file is opened; a key server or token is asked nothing yet, so that a service starts while
 * it is away. Rejects with ConfigError, PrivateFileError or KeyFileError where a file is not what it should be.
 */
export async function openSigner(config: SignerConfig, world: SignerWorld): Promise<ManagedSigner> {
  switch (config.kind) {
    case 'file':
      return managedSigner(
        await openKeyFile(config.key, await readPassphrase(passphraseFile(config.passphrase, world))),
      );
    case 'vault':
      return openVaultSigner(config, world.spki);
    case 'pkcs11': {
      const { module: modulePath, token: tokenLabel, key: keyLabel, pinFile } = config;
      return pkcs11Signer({ modulePath, tokenLabel, keyLabel, pinFile, spki: world.spki });
    }
  }
}

async function openVaultSigner(config: VaultConfig, spki: Bytes): Promise<ManagedSigner> {
  const { login, mount, key: keyName, keyVersion } = config;
  const connection = new VaultConnection({
    address: new URL(config.address),
    ca: await readTextFile(config.ca),
    namespace: config.namespace,
    identity: login.method === 'cert' ? await readClientIdentity(login) : undefined,
  });
  const timing = { elapsedMs, fraction: () => Buffer.from(systemRandom(4)).readUInt32BE() / FRACTIONS };
  const session = new VaultSession({
    connection,
    login: login.method === 'cert' ? { method: 'cert', mount: login.mount, role: login.role } : login,
    ...timing,
    pause: async (ms, signal) => pause(ms, undefined, { signal, ref: false }),
    requestTimeoutMs: VAULT_REQUEST_MS,
  });
  const patienceMs = config.patienceSeconds * 1_000;
  return vaultSigner(
    { mount, keyName, keyVersion, spki, patienceMs },
    { connection, session, ...timing, pause: async (ms) => pause(ms) },
  );
}

async function readClientIdentity(files: { readonly certificate: string; readonly key: string }) {
  const key = Buffer.from(await readPrivateFile(files.key, KEY_MAX_BYTES)).toString('utf8');
  return { certificate: await readTextFile(files.certificate), key };
}

function passphraseFile(
  source: PassphraseSource,
  { credentialsDirectory }: Pick<SignerWorld, 'credentialsDirectory'>,
): string {
  if (source.kind === 'file') return source.path;
  if (credentialsDirectory === undefined) {
    throw new ConfigError('issuer.signer.passphrase', ['systemd set no CREDENTIALS_DIRECTORY for this process']);
  }
  return join(credentialsDirectory, source.name);
}
