import { createPublicKey } from 'node:crypto';

import { type Bytes, equalBytes } from '#core/bytes.ts';
import { DependencyError } from '#core/dependency-error.ts';
import { sha256 } from '#core/digest.ts';

import type { ManagedSigner } from './signer.ts';
import {
  healthAnswerSchema,
  signAnswerSchema,
  type TransitKey,
  transitKeyAnswerSchema,
  transitKeyVersionSchema,
} from './vault/answers.ts';
import type { VaultConnection } from './vault/connection.ts';
import type { VaultSession } from './vault/session.ts';
import { VaultError } from './vault/vault-error.ts';

export interface VaultSignerOptions {
  /** The transit engine's mount. */
  readonly mount: string;
  readonly keyName: string;
  /** Pinned: a CA certificate is for one version of the key, and a rotation never moves it. */
  readonly keyVersion: number;
  /** DER SubjectPublicKeyInfo of the issuing CA's certificate: what the key must turn out to be. */
  readonly spki: Bytes;
  /** How long one signature is tried for, in all. */
  readonly patienceMs: number;
}

export interface VaultSignerDeps {
  readonly connection: Pick<VaultConnection, 'ask'> & Disposable;
  readonly session: Pick<VaultSession, 'call'> & AsyncDisposable;
  readonly elapsedMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly fraction: () => number;
}

const HEALTH_TIMEOUT_MS = 2_000;
const BACK_OFF_MS = { first: 50, most: 1_000 };

/**
 * A P-256 key in the transit engine of a Vault or OpenBao server; it never leaves it. Nothing is asked of the server before the first use,
 * so that a service starts while the server is sealed. Before the first signature the key is looked at: it must be of the right type, be
 * unexportable, and be the one that `options.spki` says.
 */
export function vaultSigner(options: VaultSignerOptions, deps: VaultSignerDeps): ManagedSigner {
  const { mount, keyName, keyVersion, spki } = options;
  const { connection, session } = deps;
  let examined: Promise<void> | undefined;

  const examine = (): Promise<void> => {
    examined ??= session
      .call({ method: 'GET', path: `${mount}/keys/${keyName}` })
      .then((body) => assertFit(transitKeyAnswerSchema.parse(body).data, options))
      .catch((error: unknown) => {
        // What could not be asked is asked again; what was found unfit as well: somebody may mend it.
        examined = undefined;
        throw error;
      });
    return examined;
  };

  const signOnce = async (tbs: Bytes): Promise<Bytes> => {
    await examine();
    const input = Buffer.from(sha256(tbs)).toString('base64');
    const body = { input, prehashed: true, key_version: keyVersion, marshaling_algorithm: 'asn1' };
    const answer = await session.call({ method: 'POST', path: `${mount}/sign/${keyName}/sha2-256`, body });
    return readSignature(signAnswerSchema.parse(answer).data.signature, keyVersion);
  };

  return Object.freeze({
    spki,
    sign: (tbs: Bytes) => patiently(() => signOnce(tbs), options.patienceMs, deps),
    probe: async () => {
      await assertUnsealed(connection);
      await examine().catch((cause: unknown) => {
        throw signerUnavailable(cause);
      });
    },
    [Symbol.asyncDispose]: async () => {
      await session[Symbol.asyncDispose]();
      connection[Symbol.dispose]();
    },
  });
}

function assertFit(key: TransitKey, { keyName, keyVersion, spki }: VaultSignerOptions): void {
  const fault = (detail: string): Error => new Error(`transit key ${keyName} ${detail}`);
  if (key.type !== 'ecdsa-p256') throw fault(`is of type ${key.type}, not ecdsa-p256`);
  if (key.exportable) throw fault('is exportable: whoever may export it can issue without this service');
  if (key.allow_plaintext_backup) throw fault('allows plaintext backups');
  const version = transitKeyVersionSchema.safeParse(key.keys[String(keyVersion)]);
  if (!version.success) throw fault(`has no version ${keyVersion} with a public key`);
  const found: Bytes = createPublicKey(version.data.public_key).export({ type: 'spki', format: 'der' });
  if (!equalBytes(found, spki)) throw fault(`version ${keyVersion} is not the issuing CA certificate's key`);
}

const SIGNATURE = /^vault:v([1-9][0-9]{0,8}):([A-Za-z0-9+/]+={0,2})$/;

/** The signature of `vault:v<version>:<base64>`. Throws when another version made it. */
function readSignature(text: string, keyVersion: number): Bytes {
  const [, version, base64] = SIGNATURE.exec(text) ?? [];
  if (version === undefined || base64 === undefined) throw new Error('the server’s signature is in no known form');
  if (Number(version) !== keyVersion) throw new Error(`version ${version} of the key signed, not ${keyVersion}`);
  return Buffer.from(base64, 'base64');
}

/** What trying again may mend: a server that is sealed, on standby, restarting or out of reach, or that asks to be spared. */
const isPassing = (error: unknown): boolean =>
  error instanceof VaultError ? error.status === 429 || error.status >= 500 : isConnectionFault(error);

const isConnectionFault = (error: unknown): boolean =>
  error instanceof Error && ('code' in error || error.name === 'TimeoutError' || error.name === 'AbortError');

/** `work`'s outcome, tried again while it fails in passing and time is left. Rejects with a DependencyError. */
async function patiently<T>(
  work: () => Promise<T>,
  patienceMs: number,
  { elapsedMs, pause, fraction }: Pick<VaultSignerDeps, 'elapsedMs' | 'pause' | 'fraction'>,
): Promise<T> {
  const deadline = elapsedMs() + patienceMs;
  for (let delay = BACK_OFF_MS.first; ; delay = Math.min(delay * 2, BACK_OFF_MS.most)) {
    try {
      return await work();
    } catch (error) {
      const wait = delay * (0.5 + fraction());
      if (!isPassing(error) || elapsedMs() + wait >= deadline) throw signerUnavailable(error);
      await pause(wait);
    }
  }
}

async function assertUnsealed(connection: Pick<VaultConnection, 'ask'>): Promise<void> {
  const path = 'sys/health?standbyok=true&perfstandbyok=true';
  const { status, body } = await connection
    .ask({ method: 'GET', path, timeoutMs: HEALTH_TIMEOUT_MS })
    .catch((cause: unknown) => {
      throw signerUnavailable(cause);
    });
  const health = healthAnswerSchema.safeParse(body);
  if (health.success && health.data.sealed) throw new DependencyError('signer', 'the key server is sealed: unseal it');
  if (health.success && !health.data.initialized) {
    throw new DependencyError('signer', 'the key server was never initialised');
  }
  if (status !== 200) throw new DependencyError('signer', `the key server’s health is ${status}`);
}

function signerUnavailable(cause: unknown): DependencyError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new DependencyError('signer', `the key server does not sign: ${why}`, { cause });
}
