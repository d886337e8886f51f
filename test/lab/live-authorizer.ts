import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { systemClock } from '#core/clock.ts';

import { nodeReview, readDecision, WEBHOOK } from './authorizer-lab.ts';
import { labClient } from './https-client.ts';
import type { LiveService } from './live-service.ts';
import { labNodeCa } from './node-ca.ts';
import { freePorts, type RunningService, startMusterAuthorizer } from './programs.ts';
import { certificatePem, labAdministrator, labServerIdentity } from './service-pki.ts';

/** `muster authorizer`, as `muster init` configured it, beside the service that made it. */
export interface LiveAuthorizer extends AsyncDisposable {
  /** What it keeps on disk is in here. */
  readonly stateDirectory: string;
  /** The public half of the key that it verifies snapshots with. */
  readonly snapshotKeyFile: string;
  /** What the API server is told of a request by this node with the certificate of this fingerprint. */
  ask(node: string, fingerprint: string): Promise<string>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** After `kill`: a new process. */
  start(): Promise<void>;
}

export async function liveAuthorizer(service: LiveService): Promise<LiveAuthorizer> {
  const { management } = await labNodeCa({ now: systemClock() });
  const server = await labServerIdentity(management);
  const apiServer = await labAdministrator(management, { name: 'kube-apiserver' });
  const ca = certificatePem(management.certificate);
  const [port, observerPort] = await freePorts();
  const at = (name: string): string => join(service.folder, 'muster/for-authorizers', name);
  await writeFile(at('webhook.crt'), server.certificatePem);
  await writeFile(at('webhook.key'), server.keyPem, { mode: 0o600 });
  await writeFile(at('apiserver-client-ca.crt'), ca);
  const text = (await readFile(at('authorizer.yaml'), 'utf8'))
    .replace('/var/lib/muster-authorizer', 'state')
    .replace('listener:\n', `observer:\n  port: ${observerPort}\nlistener:\n  port: ${port}\n`);
  await writeFile(at('authorizer.yaml'), text);
  const start = (): Promise<RunningService> => startMusterAuthorizer(at('authorizer.yaml'), service.folder);
  let running = await start();
  const client = labClient({ host: '127.0.0.1', port, ca, identity: apiServer });
  return {
    stateDirectory: at('state'),
    snapshotKeyFile: at('snapshot.pub'),
    ask: async (node, fingerprint) =>
      readDecision(await client.send({ method: 'POST', path: WEBHOOK, body: nodeReview(node, fingerprint) })),
    kill: () => running.kill(),
    start: async () => {
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await running[Symbol.asyncDispose]();
    },
  };
}
