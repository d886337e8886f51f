import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { memoryStore } from '#test/fakes/memory-store.ts';
import { type RunningService, runService } from '#test/lab/running-service.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';

import { runAsPerson, type PersonOptions, type Seen } from './person.ts';

/** An administrator at a desk: a folder with context files, and a service over TLS to speak to. */
export interface Desk extends AsyncDisposable {
  readonly folder: string;
  readonly running: RunningService;
  /** Runs `muster` in the folder, as the administrator of the role (the cluster administrator if not given). */
  readonly muster: (args: readonly string[], options?: PersonOptions & { readonly role?: string }) => Promise<Seen>;
  /** Writes a context file for an identity, and gives its name. */
  readonly writeContext: (name: string, identity: TlsIdentity, change?: { url?: string; caPem?: string }) => string;
}

export async function openDesk(options: Parameters<typeof runService>[0] = {}): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-desk-'));
  const running = await runService({ store: memoryStore(), ...options });
  const { host, port } = running.service.admin;
  const writeContext: Desk['writeContext'] = (name, identity, change = {}) => {
    writeFileSync(join(folder, `${name}-ca.pem`), change.caPem ?? running.caPem);
    writeFileSync(join(folder, `${name}-identity.pem`), identity.certificatePem + identity.keyPem);
    const admin = {
      url: change.url ?? `https://${host}:${port}`,
      caFile: `${name}-ca.pem`,
      identityFile: `${name}-identity.pem`,
    };
    writeFileSync(join(folder, `${name}.yaml`), JSON.stringify({ apiVersion: 'muster/v1', kind: 'CliContext', admin }));
    return `${name}.yaml`;
  };
  const contexts = new Map<string, string>();
  return {
    folder,
    running,
    writeContext,
    muster: async (args, { role = 'cluster-administrator', ...person } = {}) => {
      const context = contexts.get(role) ?? writeContext(role, await running.administrator(role));
      contexts.set(role, context);
      return runAsPerson(['--context-file', context, ...args], { workingDirectory: folder, ...person });
    },
    [Symbol.asyncDispose]: async () => {
      await running[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
