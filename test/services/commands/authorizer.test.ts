import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { nodeReview, readDecision, WEBHOOK } from '#test/lab/authorizer-lab.ts';
import { labClient } from '#test/lab/https-client.ts';
import { labFingerprint } from '#test/lab/kubernetes-snapshot.ts';
import { liveService, type LiveService } from '#test/lab/live-service.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { freePorts, runProgram, startMusterAuthorizer } from '#test/lab/programs.ts';
import { certificatePem, labAdministrator, labServerIdentity, type TlsIdentity } from '#test/lab/service-pki.ts';

const CONFIG = 'muster/for-authorizers/authorizer.yaml';

let service: LiveService;
let webhookCa: string;
let apiServer: TlsIdentity;
let port: number;
let observerPort: number;
beforeAll(async () => {
  service = await liveService({ config: { 'unmanagedNodes: []': 'unmanagedNodes: [cp-1]' } });
  const { management } = await labNodeCa({ now: systemClock() });
  const server = await labServerIdentity(management);
  apiServer = await labAdministrator(management, { name: 'kube-apiserver' });
  webhookCa = certificatePem(management.certificate);
  [port, observerPort] = await freePorts();
  const at = (name: string): string => join(service.folder, 'muster/for-authorizers', name);
  await writeFile(at('webhook.crt'), server.certificatePem);
  await writeFile(at('webhook.key'), server.keyPem, { mode: 0o600 });
  await writeFile(at('apiserver-client-ca.crt'), webhookCa);
  const text = (await readFile(at('authorizer.yaml'), 'utf8'))
    .replace('/var/lib/muster-authorizer', 'state')
    .replace('listener:\n', `observer:\n  port: ${observerPort}\nlistener:\n  port: ${port}\n`);
  await writeFile(at('authorizer.yaml'), text);
  const enrolled = await service.muster('enrol', 'worker-1', '--pool', 'general', '--ek-hash', 'ab'.repeat(32));
  if (enrolled.exitCode !== 0) throw new Error(enrolled.err);
}, 60_000);
afterAll(() => service[Symbol.asyncDispose]());

/** What the webhook says of a known node that has no certificate, of one that nobody knows, and of an exception. */
async function ask(): Promise<readonly string[]> {
  using client = labClient({ host: '127.0.0.1', port, ca: webhookCa, identity: apiServer });
  const answers: string[] = [];
  for (const node of ['worker-1', 'worker-2', 'cp-1']) {
    const body = nodeReview(node, labFingerprint('x'));
    answers.push(readDecision(await client.send({ method: 'POST', path: WEBHOOK, body })));
  }
  return answers;
}

/** The snapshot that a restart begins with. */
const kept = (): Promise<Buffer> => readFile(join(service.folder, 'muster/for-authorizers/state/snapshot'));

const KNOWN = ['node-not-joined', 'node-unknown', 'no-opinion'];

describe('muster authorizer', () => {
  test('follows the service with what `muster init` made, and answers the same when both were killed and it alone is back', async () => {
    {
      await using authorizer = await startMusterAuthorizer(CONFIG, service.folder);
      await expect.poll(ask, { timeout: 10_000 }).toEqual(KNOWN);
      const ready = await fetch(`http://127.0.0.1:${observerPort}/readyz`);
      expect(ready.status).toBe(200);
      const before = await kept();
      expect(
        (await service.muster('enrol', 'worker-2', '--pool', 'general', '--ek-hash', 'cd'.repeat(32))).exitCode,
      ).toBe(0);
      await expect.poll(ask, { timeout: 10_000 }).toEqual(['node-not-joined', 'node-not-joined', 'no-opinion']);
      // What the service sent counts from when it was verified, and is on the disk a moment later.
      await expect.poll(kept, { timeout: 10_000 }).not.toEqual(before);
      process.kill(service.pid(), 'SIGKILL');
      await authorizer.kill();
    }
    await using alone = await startMusterAuthorizer(CONFIG, service.folder);
    expect(alone.pid).toBeGreaterThan(0);
    expect(await ask()).toEqual(['node-not-joined', 'node-not-joined', 'no-opinion']);
    const metrics = async () => (await fetch(`http://127.0.0.1:${observerPort}/metrics`)).text();
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(/service_failures_total\{service="muster"\} [1-9]/);
  });

  test('names everything that is wrong with its configuration, at once', async () => {
    const text = await readFile(join(service.folder, CONFIG), 'utf8');
    const broken = 'muster/for-authorizers/broken.yaml';
    const wrong = text.replace('snapshot.pub', 'identity.pem').replace('key: webhook.key', 'key: identity.pem');
    await writeFile(join(service.folder, broken), wrong);
    const { exitCode, err } = await runProgram('muster', ['authorizer', '--config', broken], service.folder);
    expect([exitCode, err]).toEqual([78, expect.stringMatching(/not the key of[^]*snapshotKey: not a PEM public key/)]);
    await writeFile(join(service.folder, broken), `${text}\nallowAll: true\n`);
    expect((await runProgram('muster', ['authorizer', '--config', broken], service.folder)).exitCode).toBe(78);
    const checked = await runProgram('muster', ['authorizer', '--config', CONFIG, '--check-config'], service.folder);
    expect([checked.exitCode, checked.out]).toEqual([0, expect.stringContaining('is valid')]);
  });
});
