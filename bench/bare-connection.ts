import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';

import { cpuMicrosecondsOf } from './process-cpu.ts';

const WARM_UP = 300;

/** CPU in microseconds that a bare Node HTTPS server uses for a new TLS 1.3 connection with two empty requests on it. */
export async function benchBareConnection(connections: number, concurrency: number): Promise<number> {
  const { management } = await labNodeCa({ now: new Date() });
  const identity = await labServerIdentity(management);
  const folder = await mkdtemp(join(tmpdir(), 'muster-bare-'));
  const files = [join(folder, 'server.pem'), join(folder, 'server.key')] as const;
  await writeFile(files[0], identity.certificatePem);
  await writeFile(files[1], identity.keyPem);
  const child = spawn(process.execPath, [join(dirname(import.meta.filename), 'bare-server.ts'), ...files], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  try {
    const [{ port }] = await once(child, 'message');
    const ca = certificatePem(management.certificate);
    await connectMany({ port, ca, connections: WARM_UP, concurrency });
    const before = cpuMicrosecondsOf(child.pid ?? 0);
    await connectMany({ port, ca, connections, concurrency });
    return (cpuMicrosecondsOf(child.pid ?? 0) - before) / connections;
  } finally {
    child.kill();
    await rm(folder, { recursive: true });
  }
}

async function connectMany(load: {
  port: number;
  ca: string;
  connections: number;
  concurrency: number;
}): Promise<void> {
  let left = load.connections;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: load.ca, maxCachedSessions: 0 });
      await postEmpty(agent, load.port);
      await postEmpty(agent, load.port);
      agent.destroy();
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, worker));
}

function postEmpty(agent: Agent, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, agent, method: 'POST', path: '/' }, (incoming) => {
      incoming.resume();
      incoming.on('end', resolve);
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
