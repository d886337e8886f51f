import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { writeAgentConfig } from './agent-config.ts';
import { type FakeJoinService, startFakeJoinService } from './fake-join-service.ts';

const MAIN = join(import.meta.dirname, '../../agent/main.ts');
const EXEC_INFO =
  '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}';

async function runPlugin(configFile: string) {
  const child = spawn(process.execPath, [MAIN, 'credential', '--config', configFile], {
    env: { PATH: process.env['PATH'], KUBERNETES_EXEC_INFO: EXEC_INFO },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: Number(code), out, err };
}

if (!canStartSwtpm()) console.warn('SKIPPED: swtpm is not installed, so the credential plugin does not join here');

describe.skipIf(!canStartSwtpm())('the credential plugin as a process', () => {
  let swtpm: Swtpm;
  let service: FakeJoinService;
  let directory: string;
  beforeAll(async () => {
    swtpm = await startSwtpm();
  });
  afterAll(() => swtpm.stop());
  beforeEach(async () => {
    service = await startFakeJoinService();
    directory = await mkdtemp(join(tmpdir(), 'muster-plugin-'));
  });
  afterEach(async () => {
    await service[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const configFile = () =>
    writeAgentConfig({ directory, service, device: swtpm.address }, { credentials: 'plugin', wait: { total: '20s' } });

  test('joins once when several clients ask at the same moment, and gives all of them the same pair', async () => {
    const file = await configFile();
    const answers = await Promise.all([runPlugin(file), runPlugin(file), runPlugin(file)]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(service.issued()).toBe(1);
    const pairs = answers.map(({ out }) => {
      const { status } = JSON.parse(out) as { status: { clientCertificateData: string; clientKeyData: string } };
      return status.clientCertificateData + status.clientKeyData;
    });
    expect(new Set(pairs).size).toBe(1);
    expect(answers.every(({ out }) => /^\{[^\n]*\}\n$/.test(out))).toBe(true);
    expect((await readdir(join(directory, 'credential'))).toSorted()).toEqual(['join.lock', 'node.pem']);
  });

  test('says nothing on standard output when it has no certificate to give', async () => {
    const file = await writeAgentConfig({ directory, service, device: swtpm.address }, { audience: 'another' });
    const { code, out, err } = await runPlugin(file);
    expect({ code, out }).toEqual({ code: 77, out: '' });
    expect(err).toMatch(/\nThe service refused this node \(evidence-rejected\), [^\n]+\.\n$/);
    expect(err).not.toContain('PRIVATE KEY');
  });
});
