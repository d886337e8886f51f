import { describe, expect, test } from 'vitest';

import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { createLog } from '#services/http/request-log.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import { auditTypes, challengeFor, answerOf, enrol, joinLabOver, submit } from '#test/lab/join-lab.ts';
import { runService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinBodyFor, joinOverWire } from '#test/lab/wire.ts';

describe('the service', () => {
  test('records its start before it answers, and its stop', async () => {
    const store = memoryStore();
    {
      await using running = await runService({ store });
      expect(await auditTypes(store)).toEqual(['policy.loaded', 'service.started', 'authorities.changed']);
      expect(running.service.node.port).toBeGreaterThan(0);
      expect(running.service.admin.port).not.toBe(running.service.node.port);
    }
    store.unavailable = false;
    expect(await auditTypes(store)).toEqual([
      'policy.loaded',
      'service.started',
      'authorities.changed',
      'service.stopped',
    ]);
  });

  test('marks what an earlier process left unfinished, before anything else', async () => {
    const store = memoryStore();
    const tpm = labTpm();
    const lab = await joinLabOver({ store, tpm });
    const dead = {
      ...lab.deps,
      issuer: { ...lab.deps.issuer, sign: () => Promise.reject(new Error('the process died')) },
    };
    await expect(submit({ deps: dead }, answerOf(await challengeFor(lab), tpm))).rejects.toThrow('died');
    await using running = await runService({ store, tpm });
    expect((await auditTypes(store)).slice(0, 3)).toEqual([
      'certificate.signing',
      'certificate.orphaned',
      'policy.loaded',
    ]);
    expect((await joinOverWire(running.node(), tpm)).status).toBe(201);
    const certificates = await store.listCertificates(lab.node.id, 10);
    expect(certificates.map(({ state }) => state).toSorted()).toEqual(['issued', 'orphaned']);
  });

  test('finishes the join that is running when it is asked to stop, and takes no other', async () => {
    const gate = Promise.withResolvers<void>();
    const running = await runService({
      signer: (signer) => ({ spki: signer.spki, sign: async (tbs) => (await gate.promise, signer.sign(tbs)) }),
    });
    await enrol(running.store, running.tpm);
    const body = await joinBodyFor(running.node(), running.tpm);
    const client = running.node();
    const join = client.send({ method: 'POST', path: '/v1/joins', body });
    await expect.poll(() => auditTypes(running.store)).toContain('certificate.signing');
    const stopped = running.service[Symbol.asyncDispose]();
    await expect(running.node().send({ path: '/' })).rejects.toThrow(/ECONNREFUSED|socket/);
    gate.resolve();
    expect((await join).status).toBe(201);
    await stopped;
    running.store.unavailable = false;
    expect((await auditTypes(running.store)).slice(-2)).toEqual(['certificate.issued', 'service.stopped']);
    await running[Symbol.asyncDispose]();
  });

  test('does not start without a store that takes records', async () => {
    const store = memoryStore();
    store.unavailable = true;
    await expect(runService({ store })).rejects.toThrow(/./);
  });
});

describe('the operational log', () => {
  test('has one line for each request, with its id and its outcome, and no secret of any', async () => {
    const lines: string[] = [];
    const log = createLog('debug', { write: (line) => void lines.push(line) });
    await using running = await runService({ log });
    await enrol(running.store, running.tpm);
    const body = await joinBodyFor(running.node(), running.tpm);
    const joined = await running.node().send({ method: 'POST', path: '/v1/joins', body });
    const refused = await joinOverWire(running.node(), running.tpm, { audience: 'elsewhere' });
    await running
      .node()
      .send({ path: `/v1/${newRequestId(systemRandom)}`, headers: { authorization: 'Bearer canary' } });
    await expect.poll(() => lines.filter((line) => line.includes('"listener"')).length).toBe(5);
    const { instance } = refused.json as { instance: string };
    const requests = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => 'listener' in line);
    expect(requests[1]).toMatchObject({
      route: '/v1/joins',
      method: 'POST',
      status: 201,
      address: '127.0.0.1',
      level: 'info',
    });
    expect(requests[3]).toMatchObject({ status: 403, problem: 'evidence-rejected', requestId: instance.slice(9) });
    expect(requests[4]).toMatchObject({ status: 404, problem: 'not-found' });
    expect(requests[4]).not.toHaveProperty('route');
    const text = lines.join('');
    const { ticket, csr, evidence } = body as { ticket: string; csr: string; evidence: Record<string, string> };
    const secrets = [
      ticket,
      csr,
      evidence['activationSecret'],
      evidence['quoted'],
      evidence['signature'],
      'canary',
      joined.text,
    ];
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});
