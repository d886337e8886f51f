import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { z } from 'zod';

import { listenForCallback } from '#agent/callback-listener.ts';
import { compilePolicy } from '#attestation/evidence-policy.ts';
import { systemClock } from '#core/clock.ts';
import { isEkFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { policySchema, referenceValuesSchema } from '#protocol/policy.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { runService } from '#test/lab/running-service.ts';

/**
 * A program that runs inside a network namespace, in the role that is its argument: reads its input from the first line of standard input,
 * says on one line when it is ready, and runs until it is killed.
 */
const [role] = process.argv.slice(2);

const serviceInput = z.object({
  policy: z.unknown(),
  referenceValues: z.unknown(),
  ekFingerprint: z.string().refine(isEkFingerprint),
  proxies: z.unknown(),
});
const callbackInput = z.object({ port: z.number(), key: z.string(), ticket: z.string() });
const relayInput = z.object({ listen: z.string(), host: z.string(), port: z.number() });

async function firstLine(): Promise<unknown> {
  const [line]: unknown[] = await once(createInterface({ input: process.stdin }), 'line');
  return JSON.parse(String(line));
}

/** The whole service on port 7443 of every address, with one node enrolled. Says the CA of its TLS certificate. */
async function serve(): Promise<void> {
  const { policy: document, referenceValues, ekFingerprint, proxies } = serviceInput.parse(await firstLine());
  const files = new Map([['now.yaml', referenceValuesSchema.parse(referenceValues)]]);
  const compiled = compilePolicy(policySchema.parse(document), {
    referenceValues: files,
    anchors: new Map(),
    referenceSigners: new Map(),
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  const folder = mkdtempSync(join(tmpdir(), 'muster-namespace-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const administrators = join(folder, 'administrators.yaml');
  writeFileSync(
    administrators,
    JSON.stringify({ apiVersion: 'muster/v1', kind: 'Administrators', administrators: [] }),
  );
  const listeners = {
    node: { host: '::', port: 7_443, certificate: 'none', key: 'none', proxies },
    admin: { host: '::1', port: 0, certificate: 'none', key: 'none', clientCa: 'none', administrators },
  };
  const service = await runService({ policy: compiled.policy, configure: { listeners } });
  await enrol(service.store, { ekFingerprint });
  console.log(JSON.stringify({ caPem: service.caPem }));
  createInterface({ input: process.stdin });
}

/** What an agent listens with. */
async function callback(): Promise<void> {
  const { port, key, ticket } = callbackInput.parse(await firstLine());
  await listenForCallback({ port, key: createPrivateKey(key), ticket }, { now: systemClock, random: systemRandom });
  console.log('listening');
}

/** Address translation for TCP: who connects from inside is seen outside at this machine's address. */
async function relay(): Promise<void> {
  const { listen, host, port } = relayInput.parse(await firstLine());
  const server = createServer((inner) => {
    const outer = connect(port, host);
    for (const socket of [inner, outer])
      socket.on('error', () => void inner.destroy(outer.destroy().errored ?? undefined));
    inner.pipe(outer).pipe(inner);
  });
  server.listen(port, listen);
  await once(server, 'listening');
  console.log('listening');
}

switch (role ?? '') {
  case 'serve':
    await serve();
    break;
  case 'callback':
    await callback();
    break;
  case 'relay':
    await relay();
    break;
  default:
    throw new Error(`no such role: ${String(role)}`);
}
