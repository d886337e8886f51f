import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { runAgent } from '#agent/run.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { writeAgentConfig } from './agent-config.ts';
import { type FakeJoinService, type Fault, refuse, startFakeJoinService } from './fake-join-service.ts';

const EXEC_INFO = JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', spec: {} });

/** The agent in this process, by a clock that moves when it sleeps. */
async function agent(...args: string[]) {
  let stdout = '';
  const lines: string[] = [];
  let elapsedMs = 0;
  const code = await runAgent(args, {
    now: systemClock,
    elapsedMs: () => elapsedMs,
    random: systemRandom,
    sleep: (ms) => Promise.resolve(void (elapsedMs += ms)),
    print: (text) => (stdout += text),
    say: (line) => lines.push(line),
    environment: { notifySocket: undefined, watchdogMs: undefined, execInfo: EXEC_INFO },
    signals: () => ({ [Symbol.dispose]: () => undefined }),
  });
  return { code, stdout, lines, last: lines.at(-1) ?? '' };
}

describe('the agent’s command line', () => {
  test('explains itself', async () => {
    const { code, stdout } = await agent('--help');
    expect(code).toBe(0);
    for (const word of ['Usage:', 'Examples:', 'Exit codes:', 'doctor', '75']) expect(stdout).toContain(word);
    expect(stdout.split('\n').every((line) => line.length <= 120)).toBe(true);
  });

  test('says its version', async () => {
    expect((await agent('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [[]],
    [['join', '--confg', 'x']],
    [['joyn']],
    [['join', 'now']],
    [['join', '-o', 'xml']],
    [['join', '--out', 'x']],
    [['credential', '-o', 'json']],
    [['run', '-o', 'json']],
    [['join', '--config']],
  ])('is refused as %j with exit code 78 and one sentence', async (args) => {
    const { code, stdout, lines } = await agent(...args);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(lines).toEqual([expect.stringMatching(/^The command line is wrong, [^\n]+: see `muster-agent --help`\.$/)]);
  });

  test('needs a configuration', async () => {
    const { code, lines } = await agent('join', '--config', '/does/not/exist.yaml');
    expect(code).toBe(78);
    expect(lines).toEqual([expect.stringMatching(/^The configuration cannot be used, [^\n]+\.$/)]);
  });
});

describe('the agent as a process', () => {
  const MAIN = join(import.meta.dirname, '../../agent/main.ts');
  const run = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });

  test('keeps results on standard output, sentences on standard error, and ends with the exit code', () => {
    expect(run('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d/), stderr: '' });
    expect(run('joyn')).toMatchObject({ status: 78, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) });
  });
});

describe.skipIf(!canStartSwtpm())('a join from the command line', () => {
  let swtpm: Swtpm;
  let service: FakeJoinService;
  let directory: string;
  beforeAll(async () => {
    swtpm = await startSwtpm();
  });
  afterAll(() => swtpm.stop());
  beforeEach(async () => {
    service = await startFakeJoinService();
    directory = await mkdtemp(join(tmpdir(), 'muster-main-'));
  });
  afterEach(async () => {
    await service[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const configFile = (override: object = {}): Promise<string> =>
    writeAgentConfig({ directory, service, device: swtpm.address }, override);

  test('tells a person what it does on standard error and what came of it on standard output', async () => {
    const { code, stdout, lines } = await agent('join', '--config', await configFile());
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Joined as worker-7 in pool general, rating default\.\nCertificate [0-9a-f]+ is valid until [^\n]+\n$/,
    );
    expect(lines.length).toBeGreaterThan(3);
    expect((await stat(join(directory, 'credential', 'node.pem'))).mode & 0o777).toBe(0o600);
  });

  test('tells a program in JSON', async () => {
    const { code, stdout } = await agent('join', '--config', await configFile(), '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'joined',
      node: { name: 'worker-7' },
      registerWithTaints: [{ key: 'muster/new', effect: 'NoSchedule' }],
      credentialFile: join(directory, 'credential', 'node.pem'),
    });
    expect(stdout).not.toContain('PRIVATE KEY');
  });

  test('says what an administrator needs to enrol the machine, and writes the EK certificate once', async () => {
    const config = await configFile();
    const out = join(directory, 'ek.der');
    const { code, stdout } = await agent('ek', '--config', config, '--out', out, '-o', 'json');
    const certificate = await readFile(out);
    const { publicKey } = new X509Certificate(certificate);
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      ekType: 'rsa-2048',
      ekPublicHash: createHash('sha256').update(spki).digest('hex'),
      ekCertificate: certificate.toString('base64url'),
    });
    expect(certificate.equals(swtpm.ekCertificates.get('rsa-2048') ?? new Uint8Array())).toBe(true);
    expect(await agent('ek', '--config', config, '--out', out)).toMatchObject({ code: 78, stdout: '' });
    expect((await agent('ek', '--config', config)).stdout).toContain(
      'muster enrol worker-7 --pool POOL --ek-cert FILE',
    );
  });

  const unapproved = { status: 202, body: JSON.stringify({ status: 'awaiting-approval', retryAfterSeconds: 60 }) };
  const overloaded = refuse('dependency-unavailable', { headers: { 'retry-after': '60' } });

  test.each<[number, string, { readonly config?: object; readonly faults?: readonly Fault[] }, RegExp]>([
    [
      69,
      'there is no TPM',
      { config: { tpm: { device: '/dev/no-such-tpm' } } },
      /^There is no TPM at \/dev\/no-such-tpm: /,
    ],
    [
      69,
      'nobody answers',
      { config: { services: ['https://127.0.0.1:1'] } },
      /^The join service does not answer, .*refused/,
    ],
    [69, 'its files cannot be written', { config: { credentialDirectory: '/proc/muster' } }, /^A file could not be /],
    [
      70,
      'the answer is nonsense',
      { faults: [{ status: 201, body: '{}' }] },
      /^The join service's answer was not used /,
    ],
    [75, 'the service is overloaded', { faults: [overloaded] }, /^The node was not admitted in the time allowed /],
    [75, 'an administrator must approve', { faults: ['answer', unapproved] }, /administrator must approve/],
    [
      77,
      'the service refuses it',
      { config: { audience: 'another' } },
      /^The service refused this node \(evidence-rejected\), .*a4f1fe42/,
    ],
    [78, 'the configuration is wrong', { config: { audiense: 'x' } }, /^The configuration cannot be used, .*audiense/],
    [
      77,
      'the node is barred',
      { faults: ['answer', refuse('node-barred')] },
      /^The service refused this node \(node-barred\), which is barred: /,
    ],
  ])('ends with exit code %s and one sentence when %s', async (expected, _what, { config, faults = [] }, sentence) => {
    for (const command of ['join', 'credential']) {
      service.faults.splice(0, Infinity, ...faults);
      const { code, stdout, lines, last } = await agent(command, '--config', await configFile(config));
      expect({ command, code, stdout }).toEqual({ command, code: expected, stdout: '' });
      expect(last).toMatch(sentence);
      expect(last).toMatch(/^[A-Z][^\n]+: [^\n]+\.$/);
      expect(lines.some((line) => line.includes('\n'))).toBe(false);
    }
  });
});
