import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import { VaultConnection } from '#pki/vault/connection.ts';
import type { KeyServerUnderTest } from '#test/contract/key-server.contract.ts';
import { freePort } from './programs.ts';

const ROOT_TOKEN = 'root-of-the-laboratory';
const STARTS_WITHIN_MS = 20_000;
const POLICY = readFileSync(new URL('../../deploy/vault/muster-signer.hcl', import.meta.url), 'utf8').replaceAll(
  'muster-ca',
  '+',
);

/**
 * A real Vault or OpenBao server (`binary`) in its development mode with TLS, on a free port of loopback, with a transit engine and a role
 * that has the policy of `deploy/vault`.
 */
export async function startVaultServer(binary: string): Promise<KeyServerUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-vault-'));
  const port = await freePort();
  const args = ['-dev-tls', `-dev-tls-cert-dir=${folder}`, `-dev-root-token-id=${ROOT_TOKEN}`];
  const child = spawn(binary, ['server', ...args, `-dev-listen-address=127.0.0.1:${port}`], {
    env: { HOME: folder, PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const unsealKey = await readUnsealKey(child);
  const address = new URL(`https://127.0.0.1:${port}`);
  const caFile = ['vault-ca.pem', 'bao-ca.pem'].map((name) => join(folder, name)).find(isReadable);
  if (caFile === undefined) throw new Error('the server wrote no CA certificate');
  const ca = readFileSync(caFile, 'utf8');
  const connection = new VaultConnection({ address, ca, namespace: undefined, identity: undefined });
  const ask = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> => {
    const answer = await connection.ask({ method, path, body, token: ROOT_TOKEN, timeoutMs: 10_000 });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  await ask('POST', 'sys/mounts/transit', { type: 'transit' });
  await ask('POST', 'sys/auth/approle', { type: 'approle' });
  await ask('POST', 'sys/policies/acl/muster-signer', { policy: POLICY });
  await ask('POST', 'auth/approle/role/muster', { token_policies: ['muster-signer'], token_ttl: '1h' });
  const { role_id: roleId } = roleSchema.parse(await ask('GET', 'auth/approle/role/muster/role-id')).data;
  const { secret_id: secretId } = secretSchema.parse(await ask('POST', 'auth/approle/role/muster/secret-id', {})).data;

  return {
    address,
    ca,
    roleId,
    secretId,
    addKeyVersion: async (name, { type = 'ecdsa-p256', exportable = false } = {}) => {
      const known = await connection.ask({
        method: 'GET',
        path: `transit/keys/${name}`,
        token: ROOT_TOKEN,
        timeoutMs: 10_000,
      });
      if (known.status === 200) await ask('POST', `transit/keys/${name}/rotate`, {});
      else await ask('POST', `transit/keys/${name}`, { type, exportable });
      const { keys, latest_version: latest } = keySchema.parse(await ask('GET', `transit/keys/${name}`)).data;
      return keys[String(latest)]?.public_key ?? '';
    },
    forgetTokens: async () => {
      const { keys } = accessorsSchema.parse(await ask('GET', 'auth/token/accessors?list=true')).data;
      for (const accessor of keys) {
        const { policies } = lookupSchema.parse(await ask('POST', 'auth/token/lookup-accessor', { accessor })).data;
        if (policies.includes('muster-signer')) await ask('POST', 'auth/token/revoke-accessor', { accessor });
      }
    },
    seal: async () => {
      await ask('POST', 'sys/seal', {});
    },
    unseal: async () => {
      await ask('POST', 'sys/unseal', { key: unsealKey });
      await untilActive(connection);
    },
    [Symbol.asyncDispose]: async () => {
      connection[Symbol.dispose]();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

const roleSchema = z.object({ data: z.object({ role_id: z.string() }) });
const secretSchema = z.object({ data: z.object({ secret_id: z.string() }) });
const keySchema = z.object({
  data: z.object({ latest_version: z.int(), keys: z.record(z.string(), z.object({ public_key: z.string() })) }),
});
const accessorsSchema = z.object({ data: z.object({ keys: z.array(z.string()) }) });
const lookupSchema = z.object({ data: z.object({ policies: z.array(z.string()) }) });

function isReadable(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

async function untilActive(connection: VaultConnection): Promise<void> {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (performance.now() < deadline) {
    const health = connection.ask({ method: 'GET', path: 'sys/health', timeoutMs: 2_000 });
    const status = await health.then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status === 200) return;
    await pause(50);
  }
  throw new Error('the server did not become active');
}

/** The key that the development server prints, once it is ready. */
function readUnsealKey(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`the server did not start: ${said}`)), STARTS_WITHIN_MS);
    const read = (text: string): void => {
      said += text;
      const [, key] = /Unseal Key: (\S+)/.exec(said) ?? [];
      if (key === undefined || !said.includes('Development mode should NOT be used')) return;
      clearTimeout(timer);
      resolve(key);
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
}
