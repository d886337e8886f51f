import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { z } from 'zod';

import { vaultProgram } from '#test/key-server/config.ts';
import { startVaultServer } from '#test/lab/vault-server.ts';

/** The key's name in the transit engine; `deploy/vault/muster-signer.hcl` allows it. */
export const KEY_NAME = 'muster-ca';

/** A key server in a process of its own, with the issuing CA's key. */
export interface SoakKeyServer extends AsyncDisposable {
  readonly isReal: boolean;
  readonly address: string;
  readonly ca: string;
  readonly roleId: string;
  readonly secretId: string;
  readonly publicKeyPem: string;
  readonly seal: () => Promise<void>;
  readonly unseal: () => Promise<void>;
}

/** The real server that the environment names, or its double. */
export async function startKeyServer(): Promise<SoakKeyServer> {
  const program = vaultProgram();
  return program === undefined ? startDouble() : startReal(program);
}

async function startReal(program: string): Promise<SoakKeyServer> {
  const server = await startVaultServer(program);
  const publicKeyPem = await server.addKeyVersion(KEY_NAME);
  const { ca, roleId, secretId, seal, unseal } = server;
  const address = server.address.origin;
  return {
    isReal: true,
    address,
    ca,
    roleId,
    secretId,
    publicKeyPem,
    seal,
    unseal,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const placeSchema = z.object({
  address: z.url(),
  ca: z.string(),
  roleId: z.string(),
  secretId: z.string(),
  publicKeyPem: z.string(),
});

async function startDouble(): Promise<SoakKeyServer> {
  const program = join(dirname(import.meta.filename), 'double-program.ts');
  const child = spawn(process.execPath, [program, KEY_NAME], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const said = async (): Promise<string> => {
    const [line]: unknown[] = await once(lines, 'line');
    return String(line);
  };
  const place = placeSchema.parse(JSON.parse(await said()));
  const told = async (word: 'seal' | 'unseal'): Promise<void> => {
    const answer = said();
    child.stdin.write(`${word}\n`);
    await answer;
  };
  return {
    ...place,
    address: new URL(place.address).origin,
    isReal: false,
    seal: () => told('seal'),
    unseal: () => told('unseal'),
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
