import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';

import { type Load, runTogether } from './load.ts';
import { cpuMicrosecondsOf } from './process-cpu.ts';

/** A bare Node HTTPS server in a process of its own. One unit is a new TLS 1.3 connection with two empty requests on it. */
export async function bareLoad(): Promise<Load> {
  await using undo = new AsyncDisposableStack();
  const { management } = await labNodeCa({ now: new Date() });
  const identity = await labServerIdentity(management);
  const folder = await mkdtemp(join(tmpdir(), 'muster-bare-'));
  undo.defer(() => rm(folder, { recursive: true }));
  const files = [join(folder, 'server.pem'), join(folder, 'server.key')] as const;
  await writeFile(files[0], identity.certificatePem);
  await writeFile(files[1], identity.keyPem);
  const child = spawn(process.execPath, [join(dirname(import.meta.filename), 'bare-server.ts'), ...files], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  undo.defer(() => {
    child.kill();
  });
  const [{ port }] = await once(child, 'message');
  const ca = certificatePem(management.certificate);
  const lifetime = undo.move();
  return {
    cpuMicroseconds: () => cpuMicrosecondsOf(child.pid ?? 0),
    run: (units, concurrency) => runTogether(units, concurrency, () => connectOnce(port, ca)),
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

async function connectOnce(port: number, ca: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, maxCachedSessions: 0 });
  await postEmpty(agent, port);
  await postEmpty(agent, port);
  agent.destroy();
}

function postEmpty(agent: Agent, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, agent, method: 'POST', path: '/' }, (incoming) => {
      incoming.on('error', reject);
      incoming.on('end', resolve);
      incoming.resume();
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
