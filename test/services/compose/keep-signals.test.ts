import { setImmediate } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { createLog } from '#services/http/request-log.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import { auditTypes, enrol } from '#test/lab/join-lab.ts';
import { type RunningService, runService } from '#test/lab/running-service.ts';
import { readPage, readSamples } from '#test/lab/signals.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinBodyFor, joinOverWire } from '#test/lab/wire.ts';

const LOOPBACK = { access: 'client-certificate', host: '127.0.0.1', port: 0, certificate: 'none', key: 'none' };

describe('the service’s metrics', () => {
  test('count a join, its phases, and what it left in the store', async () => {
    await using running = await runService();
    await enrol(running.store, running.tpm);
    expect((await joinOverWire(running.node(), running.tpm)).status).toBe(201);
    const samples = await readSamples(running);
    const of = (name: string) => samples.get(name);
    expect(of('muster_joins_total{outcome="admitted"}')).toBe(1);
    expect(of('muster_joins_total{outcome="evidence-rejected"}')).toBe(0);
    expect(of('muster_challenges_total{outcome="opened"}')).toBe(1);
    expect(of('muster_requests_total{listener="node",route="/v1/joins",status="201"}')).toBe(1);
    expect(of('muster_join_seconds_count')).toBe(1);
    for (const phase of ['verify', 'appraise', 'sign']) {
      expect(of(`muster_join_phase_seconds_count{phase="${phase}"}`)).toBe(1);
    }
    expect(of('muster_join_phase_seconds_count{phase="store"}')).toBeGreaterThan(2);
    expect(of('muster_join_phase_seconds_count{phase="callback"}')).toBe(0);
    expect(of('muster_nodes{state="joined",connectivity="never-seen"}')).toBe(1);
    expect([...samples].filter(([name, value]) => name.startsWith('muster_certificates{') && value === 1)).toHaveLength(
      1,
    );
    expect(of('muster_audit_sequence')).toBeGreaterThan(3);
    expect(of('muster_work_running')).toBe(0);
    expect(of('muster_body_bytes_held')).toBe(0);
    expect(of('muster_store_up')).toBe(1);
    expect(of('muster_signer_up')).toBe(1);
    expect(of('muster_ready')).toBe(1);
  });

  test('count a refused join by the Verifier’s codes, and by nothing that the node wrote', async () => {
    await using running = await runService();
    await enrol(running.store, running.tpm);
    const stranger = labTpm();
    const body = await joinBodyFor(running.node(), stranger);
    expect((await running.node().send({ method: 'POST', path: '/v1/joins', body })).status).toBe(403);
    const { text } = await readPage(running, '/metrics');
    expect(text).toContain('muster_joins_total{outcome="evidence-rejected"} 1');
    expect(text).toContain('muster_join_denials_total{code="ek-not-enrolled"} 1');
    expect(text).not.toContain('worker-');
  });

  test('tell of the revocation list once there is one', async () => {
    await using running = await runService();
    await expect
      .poll(async () => [...(await readSamples(running)).keys()].join(), { timeout: 5_000 })
      .toContain('muster_crl_number{');
    const samples = await readSamples(running);
    const [expires] = [...samples].filter(([name]) => name.startsWith('muster_crl_expires_seconds{'));
    expect(expires?.[1]).toBeGreaterThan(80_000);
  });

  test('have a sample of the census only while the store says', async () => {
    const store = memoryStore(() => ({
      takeCensus: () => Promise.reject(new DependencyError('store', 'away')),
    }));
    await using running = await runService({ store });
    const { text } = await readPage(running, '/metrics');
    expect(text).toContain('# TYPE muster_audit_sequence gauge');
    expect(text).not.toMatch(/^muster_audit_sequence/m);
    expect(text).not.toMatch(/^muster_nodes\{/m);
  });

  test('count the times that the policy was read', async () => {
    await using running = await runService();
    await running.service.reloadPolicy();
    const samples = await readSamples(running);
    expect(samples.get('muster_policy_reads_total{outcome="loaded"}')).toBe(1);
    expect(samples.get('muster_policy_newer_refused')).toBe(0);
  });
});

describe('the metrics listener', () => {
  test('says the text format, and takes no other method or path', async () => {
    await using running = await runService();
    expect((await readPage(running, '/metrics')).type).toContain('version=0.0.4');
    expect((await readPage(running, '/metrics/x')).status).toBe(404);
    const { host, port } = running.service.metrics ?? {};
    expect((await fetch(`http://${host}:${port}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  test.each([
    ['monitor', 200],
    ['auditor', 200],
    ['authorizer', 403],
  ] as const)('with client certificates answers a %s with %i', async (role, status) => {
    await using running = await runService({ configure: { metrics: LOOPBACK } });
    const who = await running.administrator(role, 'somebody');
    const client = running.metrics(who);
    for (const path of ['/metrics', '/livez', '/readyz']) expect((await client.send({ path })).status).toBe(status);
    expect((await auditTypes(running.store)).includes('admin.refused')).toBe(status === 403);
  });

  test('with client certificates has nothing for a caller without one, or off the list', async () => {
    await using running = await runService({ configure: { metrics: LOOPBACK } });
    await expect(running.metrics().send({ path: '/metrics' })).rejects.toThrow(/alert|hang up|ECONNRESET/);
    const who = await running.administrator('monitor', 'somebody');
    running.list();
    const { status, text } = await running.metrics(who).send({ path: '/metrics' });
    expect({ status, text }).toEqual({ status: 403, text: 'not permitted\n' });
  });
});

describe('health', () => {
  test('is well when all is well', async () => {
    await using running = await runService();
    await expect.poll(async () => (await readPage(running, '/healthz')).status, { timeout: 5_000 }).toBe(200);
    for (const path of ['/livez', '/readyz'])
      expect(await readPage(running, path)).toMatchObject({ status: 200, text: 'ok\n' });
  });

  test('names a signer that is away, and callers may come all the same', async () => {
    await using running = await runService({
      signer: (signer) => ({ spki: signer.spki, sign: () => Promise.reject(new DependencyError('signer', 'sealed')) }),
    });
    const page = await readPage(running, '/healthz');
    expect(page).toMatchObject({ status: 503 });
    expect((await readPage(running, '/readyz')).status).toBe(200);
  });

  test('sends callers elsewhere while the service is being stopped, and still answers those that come', async () => {
    await using running = await runService({ configure: { shutdown: { delaySeconds: 1 } } });
    const drained = running.service.drain();
    expect(await readPage(running, '/readyz')).toMatchObject({ status: 503, text: 'service: it is being stopped\n' });
    expect((await readPage(running, '/livez')).status).toBe(200);
    expect((await running.node().send({ path: '/v1/crl' })).status).not.toBe(0);
    await drained;
  });
});

describe('the listener for an orchestrator’s probes', () => {
  const ask = async ({ service }: Pick<RunningService, 'service'>, path: string, method = 'GET') => {
    const { host, port } = service.health ?? {};
    const response = await fetch(`http://${host}:${port}${path}`, { method });
    return { status: response.status, text: await response.text() };
  };

  test('says that the service lives and takes callers', async () => {
    await using running = await runService();
    for (const path of ['/livez', '/readyz']) expect(await ask(running, path)).toEqual({ status: 200, text: 'ok\n' });
    expect((await ask(running, '/readyz', 'HEAD')).status).toBe(200);
  });

  test('says that it takes none while it is being stopped, and lives', async () => {
    await using running = await runService({ configure: { shutdown: { delaySeconds: 1 } } });
    const drained = running.service.drain();
    expect((await ask(running, '/readyz')).status).toBe(503);
    expect((await ask(running, '/livez')).status).toBe(200);
    await drained;
  });

  test('gives no reason: it could name what the service depends on', async () => {
    const store = memoryStore(() => ({
      auditHead: () => Promise.reject(new DependencyError('store', 'db.example.net is away')),
    }));
    await using running = await runService({ store });
    await expect.poll(async () => (await ask(running, '/readyz')).status, { timeout: 5_000 }).toBe(503);
    expect((await ask(running, '/readyz')).text).toBe('not ready\n');
  });

  test.each([
    ['GET', '/metrics', 404],
    ['GET', '/healthz', 404],
    ['GET', '/v1/joins', 404],
    ['POST', '/livez', 405],
  ])('has nothing else: %s %s is answered %i', async (method, path, status) => {
    await using running = await runService();
    expect((await ask(running, path, method)).status).toBe(status);
  });
});

describe('the log line of a join', () => {
  test('has request id, node’s address, outcome and duration, and nothing of the body', async () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line: string) => void lines.push(line) });
    await using running = await runService({ log });
    await enrol(running.store, running.tpm);
    const body = await joinBodyFor(running.node(), running.tpm);
    await running.node().send({ method: 'POST', path: '/v1/joins', body });
    await setImmediate();
    const line = lines.find((text) => text.includes('"route":"/v1/joins"')) ?? '{}';
    const facts: unknown = JSON.parse(line);
    expect(facts).toMatchObject({ status: 201, address: '127.0.0.1', listener: 'node', node: 'worker-7' });
    expect(line).toMatch(/"requestId":"[0-9a-f-]{36}"/);
    expect(line).toMatch(/"durationMs":[0-9.]+/);
    const sent = JSON.stringify(body);
    for (const secret of sent.match(/[A-Za-z0-9+/_-]{40,}/g) ?? []) expect(lines.join('')).not.toContain(secret);
  });
});
