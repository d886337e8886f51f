import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { ManagedSigner } from '#pki/signer.ts';
import { vaultSigner } from '#pki/signer-vault.ts';
import { VaultConnection } from '#pki/vault/connection.ts';
import { VaultSession, type VaultSessionDeps } from '#pki/vault/session.ts';

export interface LabKeyServer {
  readonly address: URL;
  readonly ca: string;
  readonly roleId: string;
  readonly secretId: string;
}

export interface LabVaultSignerOptions {
  readonly keyName: string;
  readonly keyVersion?: number;
  readonly publicKeyPem: string;
  readonly patienceMs?: number;
  /** Replaces the session's clock or pauses. */
  readonly session?: Partial<VaultSessionDeps>;
}

/** A signer that logs in to `server` by AppRole, with files of its own that go with it. */
export async function labVaultSigner(server: LabKeyServer, options: LabVaultSignerOptions): Promise<ManagedSigner> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-approle-'));
  const files = { roleIdFile: join(folder, 'role-id'), secretIdFile: join(folder, 'secret-id') };
  writeFileSync(files.roleIdFile, `${server.roleId}\n`);
  writeFileSync(files.secretIdFile, `${server.secretId}\n`, { mode: 0o600 });
  const { address, ca } = server;
  const connection = new VaultConnection({ address, ca, namespace: undefined, identity: undefined });
  const timing = { elapsedMs: () => performance.now(), fraction: () => 0.5 };
  const session = new VaultSession({
    connection,
    login: { method: 'approle', mount: 'approle', ...files },
    ...timing,
    pause: async (ms, signal) => pause(ms, undefined, { signal, ref: false }),
    requestTimeoutMs: 5_000,
    ...options.session,
  });
  const signer = vaultSigner(
    {
      mount: 'transit',
      keyName: options.keyName,
      keyVersion: options.keyVersion ?? 1,
      spki: createPublicKey(options.publicKeyPem).export({ type: 'spki', format: 'der' }),
      patienceMs: options.patienceMs ?? 300,
    },
    { connection, session, ...timing, pause: async (ms) => pause(ms) },
  );
  return {
    ...signer,
    [Symbol.asyncDispose]: async () => {
      await signer[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
