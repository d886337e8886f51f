import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openJoinService } from '#agent/client.ts';
import type { AgentConfig } from '#agent/config.ts';
import { joinCluster, type JoinDeps } from '#agent/join-cluster.ts';
import type { NodeName } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';

import {
  AUDIENCE,
  type FakeJoinService,
  type Fault,
  refuse,
  startFakeJoinService,
  ticketOf,
} from './fake-join-service.ts';
import { labAttester } from './lab-attester.ts';

let service: FakeJoinService;
let directory: string;
let said: string[];
let slept: number[];

beforeEach(async () => {
  service = await startFakeJoinService();
  directory = await mkdtemp(join(tmpdir(), 'muster-join-'));
  said = [];
  slept = [];
});
afterEach(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const config = (override: Partial<AgentConfig> = {}): AgentConfig => ({
  services: [service.url],
  serviceCa: service.caPem,
  audience: AUDIENCE,
  claimedNodeName: 'worker-7' as NodeName,
  credentialDirectory: join(directory, 'credential'),
  kubeconfigFile: join(directory, 'kubernetes', 'kubelet.conf'),
  credentials: { kind: 'files' },
  nodeCa: [service.nodeCa.root.certificate],
  kubeletConfigFile: join(directory, 'kubelet.yaml'),
  tpm: { device: '/dev/null', ekPreference: ['p-256'], eventLogFile: '/none', imaLogFile: '/none' },
  wait: { totalSeconds: 900, spreadFirstSeconds: 0 },
  ...override,
});

/** One join with a clock that moves only when the agent sleeps. */
async function run(settings: AgentConfig = config(), override: Partial<JoinDeps> = {}) {
  let elapsedMs = 0;
  const capabilities = { now: override.now ?? (() => new Date()), random: override.random ?? systemRandom };
  using client = openJoinService({ ...settings, ...capabilities });
  return await joinCluster(
    {
      ...capabilities,
      service: client,
      progress: (line) => void said.push(line),
      sleep: (ms) => {
        elapsedMs += ms;
        slept.push(ms);
        return Promise.resolve();
      },
      elapsedMs: () => elapsedMs,
      openAttester: () => Promise.resolve(labAttester()),
      newKey: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      ...override,
    },
    settings,
  );
}

const paths = () => service.requests.map(({ path }) => path.replace('/v1/', ''));
const files = () => readdir(directory);

describe('a join', () => {
  test('ends with a credential that is a pair, and a kubeconfig that names it', async () => {
    const outcome = await run();
    expect(outcome).toMatchObject({
      status: 'joined',
      node: { name: 'worker-7', pool: 'general', protectionRating: 'default' },
      nodeLabels: { 'node-restriction.kubernetes.io/pool': 'general' },
      credentialFile: join(directory, 'credential', 'node.pem'),
    });
    const pem = await readFile(join(directory, 'credential', 'node.pem'), 'utf8');
    expect(new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem))).toBe(true);
    expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const kubeconfig = await readFile(join(directory, 'kubernetes', 'kubelet.conf'), 'utf8');
    expect(kubeconfig).toContain(`client-key: ${join(directory, 'credential', 'node.pem')}`);
    expect((await stat(join(directory, 'credential'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, 'credential', 'node.pem'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'kubernetes', 'kubelet.conf'))).mode & 0o777).toBe(0o600);
  });

  test('waits while the clock is a year off, says by how much, and joins once it is right', async () => {
    const now = () => new Date(Date.now() - (slept.length < 4 ? 365 * 86_400_000 : 0));
    expect(await run(config(), { now })).toMatchObject({ status: 'joined' });
    expect(said.filter((line) => line.includes('clock is off, 365 days behind the service’s'))).toHaveLength(3);
    expect(paths().filter((path) => path === 'joins')).toHaveLength(1);
  });

  test('makes its two calls over one connection', async () => {
    await run();
    expect(paths()).toEqual(['challenges', 'joins']);
    expect(service.connections()).toBe(1);
  });

  test('uses a fresh key each time', async () => {
    await run();
    const first = await readFile(join(directory, 'credential', 'node.pem'), 'utf8');
    await run();
    const second = await readFile(join(directory, 'credential', 'node.pem'), 'utf8');
    expect(new X509Certificate(second).publicKey.equals(new X509Certificate(first).publicKey)).toBe(false);
  });

  test('is refused by a service that is configured with another audience', async () => {
    const outcome = await run(config({ audience: 'join.elsewhere.example' }));
    expect(outcome).toMatchObject({ status: 'refused', problem: 'evidence-rejected' });
    expect(await files()).toEqual([]);
  });
});

describe('a join whose answer is lost', () => {
  test('is repeated with the same bytes and gets the same certificate', async () => {
    service.faults.push('answer', 'lose-answer', 'lose-answer');
    expect(await run()).toMatchObject({ status: 'joined' });
    const joins = service.requests.filter(({ path }) => path === '/v1/joins').map(({ body }) => body);
    expect(joins).toHaveLength(3);
    expect(new Set(joins).size).toBe(1);
    expect(service.issued()).toBe(1);
  });

  test('begins again with another challenge and another key when the service has forgotten the ticket', async () => {
    service.faults.push('answer', refuse('challenge-invalid'));
    expect(await run()).toMatchObject({ status: 'joined' });
    expect(paths()).toEqual(['challenges', 'joins', 'challenges', 'joins']);
    const [first, second] = service.requests
      .filter(({ path }) => path === '/v1/joins')
      .map(({ body }) => JSON.parse(body) as { csr: string });
    expect(first?.csr).not.toBe(second?.csr);
    expect(ticketOf(service.requests[1]?.body ?? '')).not.toBe(ticketOf(service.requests[3]?.body ?? ''));
  });
});

describe('a service that is away', () => {
  test('is asked again until it answers, ever more rarely', async () => {
    service.faults.push(...Array.from({ length: 8 }, () => 'drop' as const));
    expect(await run(config(), { random: () => Buffer.alloc(32, 0xff) })).toMatchObject({ status: 'joined' });
    expect(slept.slice(1).map((ms) => Math.ceil(ms / 1_000))).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(said.filter((line) => line.includes('asking again'))).toHaveLength(8);
  });

  test('is given up when the time allowed is over, and nothing was written', async () => {
    await service[Symbol.asyncDispose]();
    const outcome = await run(config({ wait: { totalSeconds: 3_600, spreadFirstSeconds: 0 } }));
    expect(outcome).toMatchObject({ status: 'unreachable' });
    const total = slept.reduce((sum, ms) => sum + ms, 0);
    expect(total).toBeLessThan(3_600_000);
    expect(total).toBeGreaterThan(3_400_000);
    expect(await files()).toEqual([]);
    service = await startFakeJoinService();
  });

  test.each<[string, Fault]>([
    ['that answers, when it does not', 'drop'],
    ['that can answer, when it cannot', refuse('dependency-unavailable')],
  ])('is left for a replica %s', async (_what, fault) => {
    const other = await startFakeJoinService();
    service.faults.push(...Array.from({ length: 50 }, () => fault));
    // Both services are one to the agent: they share the CA file, and the order is the configured one when nothing is random.
    const settings = config({
      services: [service.url, other.url],
      serviceCa: service.caPem + other.caPem,
      nodeCa: undefined,
    });
    const outcome = await run(settings, { random: (length) => Buffer.alloc(length) });
    await other[Symbol.asyncDispose]();
    expect(outcome).toMatchObject({ status: 'joined' });
    expect(service.requests).toHaveLength(1);
  });

  test('is waited for as long as it asks, and a little longer', async () => {
    service.faults.push(refuse('rate-limited', { headers: { 'retry-after': '17' } }));
    service.faults.push(refuse('dependency-unavailable', { headers: { 'retry-after': '120' } }));
    expect(await run(config(), { random: () => Buffer.alloc(32, 0x80) })).toMatchObject({ status: 'joined' });
    expect(slept.slice(1).map((ms) => Math.floor(ms / 1_000))).toEqual([21, 150]);
  });

  test('is not waited for beyond the time allowed', async () => {
    service.faults.push(refuse('dependency-unavailable', { headers: { 'retry-after': '901' } }));
    expect(await run()).toEqual({
      status: 'not-yet',
      reason: 'the service says dependency-unavailable',
      retryAfterSeconds: 901,
    });
    expect(slept.slice(1)).toEqual([]);
  });

  test('is told from a gateway that answers in its place', async () => {
    service.faults.push({ status: 502, type: 'text/html', body: '<h1>Bad Gateway</h1>' });
    expect(await run()).toMatchObject({ status: 'joined' });
    expect(said.join('\n')).toContain('HTTP 502');
  });
});

describe('an answer that is no certificate', () => {
  test('that an administrator must approve makes the agent join again later', async () => {
    const pending = { status: 202, body: JSON.stringify({ status: 'awaiting-approval', retryAfterSeconds: 30 }) };
    service.faults.push('answer', pending, 'answer', pending);
    expect(await run(config(), { random: () => Buffer.alloc(32, 0x80) })).toMatchObject({ status: 'joined' });
    expect(paths()).toEqual(['challenges', 'joins', 'challenges', 'joins', 'challenges', 'joins']);
    expect(slept.slice(1).map((ms) => Math.floor(ms / 1_000))).toEqual([37, 37]);
  });

  test('that names a time for approval beyond an hour is asked about within the hour', async () => {
    const pending = { status: 202, body: JSON.stringify({ status: 'awaiting-approval', retryAfterSeconds: 1e12 }) };
    service.faults.push('answer', pending);
    const patient = config({ wait: { totalSeconds: 10_000, spreadFirstSeconds: 0 } });
    expect(await run(patient, { random: () => Buffer.alloc(32, 0) })).toMatchObject({ status: 'joined' });
    expect(slept.slice(1)).toEqual([3_600_000]);
  });

  test('that approval never comes for ends as "not yet"', async () => {
    const pending = { status: 202, body: JSON.stringify({ status: 'awaiting-approval', retryAfterSeconds: 400 }) };
    for (let i = 0; i < 5; i++) service.faults.push('answer', pending);
    expect(await run()).toMatchObject({ status: 'not-yet', reason: 'an administrator must approve this node first' });
    expect(await files()).toEqual([]);
  });

  test.each([
    'evidence-rejected',
    'origin-refused',
    'node-barred',
    'csr-rejected',
    'malformed-request',
    'payload-too-large',
  ] as const)('but %s ends the join at once, with the request id to look up', async (problem) => {
    service.faults.push('answer', refuse(problem));
    const requestId = 'a4f1fe42-5b0e-4d1b-8f43-5d1f6f2d6c11';
    expect(await run()).toEqual({ status: 'refused', problem, requestId });
    expect(slept.slice(1)).toEqual([]);
  });

  test('that asks for a new challenge for ever does not hammer the service', async () => {
    for (let i = 0; i < 200; i++) service.faults.push('answer', refuse('challenge-invalid'));
    expect(await run()).toMatchObject({ status: 'not-yet' });
    expect(service.requests.length).toBeLessThan(150);
  });
});

describe('an answer that no node should use', () => {
  const unusable = { status: 'answer-unusable' };

  test.each([
    ['is not JSON', { status: 201, type: 'text/html', body: '<p>hello</p>' }],
    ['is JSON of another kind', { status: 201, body: '{"ticket":7}' }],
    ['is cut off', { status: 201, body: '{"ticket":"' }],
    ['has too long a member', { status: 201, body: JSON.stringify({ ticket: 'x'.repeat(200_000) }) }],
    ['sends the agent elsewhere', { status: 307, headers: { location: 'https://elsewhere.example/' } }],
    ['is some other server’s', { status: 404, type: 'text/html', body: 'not here' }],
  ] as const)('because it %s is not used', async (_what, fault) => {
    service.faults.push(fault);
    expect(await run()).toMatchObject(unusable);
    expect(service.requests).toHaveLength(1);
    expect(await files()).toEqual([]);
  });

  test('because it goes on longer than the protocol has is not read to its end', async () => {
    service.faults.push({ status: 201, body: ' '.repeat(10_000_000) });
    expect(await run()).toMatchObject({ ...unusable, reason: expect.stringContaining('more than 131072 bytes') });
  });

  test('because it asks for a callback on a port that is taken is not used', async () => {
    service.editChallenge = (answer) => ({ ...answer, callback: { port: Number(service.url.port) } });
    expect(await run()).toMatchObject({ ...unusable, reason: expect.stringContaining('EADDRINUSE') });
  });

  test('because the certificate is from another CA leaves the earlier credential alone', async () => {
    await run();
    const before = await readFile(join(directory, 'credential', 'node.pem'), 'utf8');
    const { root } = await labNodeCa({ now: new Date() });
    expect(await run(config({ nodeCa: [root.certificate] }))).toMatchObject(unusable);
    expect(await readFile(join(directory, 'credential', 'node.pem'), 'utf8')).toBe(before);
  });

  test.each([
    [
      'is for another node',
      (answer: object) => ({ ...answer, node: { id: 'x', name: 'worker-8', pool: 'p', protectionRating: 'default' } }),
    ],
    [
      'names no API server',
      (answer: object) => ({
        ...answer,
        kubernetes: { apiServer: 'http://plain', caPem: 'x', nodeLabels: {}, registerWithTaints: [] },
      }),
    ],
    [
      'has no cluster CA',
      (answer: object) => ({
        ...answer,
        kubernetes: { apiServer: 'https://api', caPem: '', nodeLabels: {}, registerWithTaints: [] },
      }),
    ],
  ])('because it %s is not used', async (_what, edit) => {
    service.editJoin = edit;
    expect(await run()).toMatchObject(unusable);
    expect(await files()).toEqual([]);
  });
});

describe('the service’s own certificate', () => {
  test('from a CA that was not configured is not accepted, whatever the environment says', async () => {
    const { management } = await labNodeCa({ now: new Date() });
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const outcome = await run(
        config({ serviceCa: certificatePem(management.certificate), wait: { totalSeconds: 5, spreadFirstSeconds: 0 } }),
      );
      expect(outcome).toMatchObject({ status: 'unreachable' });
      expect(outcome.status === 'unreachable' && outcome.reason).toContain('serviceCaFile');
      expect(service.requests).toEqual([]);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });
});

describe('a service that speaks no newer TLS than 1.2', () => {
  test('is not spoken to', async () => {
    const { management } = service.nodeCa;
    const { keyPem, certificatePem: cert } = await labServerIdentity(management);
    const old = createServer({ key: keyPem, cert, maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' });
    let requests = 0;
    old.on('request', (_request, response) => {
      requests += 1;
      response.end();
    });
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    const address = old.address();
    const url = new URL(`https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    const outcome = await run(config({ services: [url], wait: { totalSeconds: 5, spreadFirstSeconds: 0 } }));
    old.close();
    expect(outcome).toMatchObject({ status: 'unreachable', reason: expect.stringContaining('TLS 1.3') });
    expect(requests).toBe(0);
  });
});

describe('the first request', () => {
  test('is delayed by a part of the configured time that is always the same for a node', async () => {
    const spread = { totalSeconds: 900, spreadFirstSeconds: 100 };
    await run(config({ wait: spread }));
    await run(config({ wait: spread }));
    await run(config({ wait: spread, claimedNodeName: 'worker-8' as NodeName }));
    const [first, again, other] = slept;
    expect(first).toBe(again);
    expect(first).not.toBe(other);
    expect(Math.max(...slept)).toBeLessThan(100_000);
  });
});
