import { X509Certificate } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { verifyAuditChain } from '#core/audit-chain.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import { labClient } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinBodyFor, joinOverWire } from '#test/lab/wire.ts';

let running: RunningService;

beforeAll(async () => {
  running = await runService();
  await enrol(running.store, running.tpm);
});

afterAll(() => running[Symbol.asyncDispose]());

describe('a join over TLS', () => {
  test('gives a certificate of the node’s own, its chain, and what the kubelet needs', async () => {
    const key = labKey();
    const response = await joinOverWire(running.node(), running.tpm, { key });
    expect(response.status).toBe(201);
    const { node, certificate, kubernetes } = joinResponseSchema.parse(response.json);
    expect(node).toMatchObject({ name: 'worker-7', pool: 'general', protectionRating: 'default' });
    const [leaf, issuer] = certificate.chainPem
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .map((pem) => new X509Certificate(pem));
    if (leaf === undefined || issuer === undefined) throw new Error('leaf, then issuer');
    expect(leaf.subject).toBe('O=system:nodes\nCN=system:node:worker-7');
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(leaf.checkPrivateKey(key)).toBe(true);
    expect(leaf.serialNumber.toLowerCase()).toBe(certificate.serial);
    expect(new Date(certificate.notAfter).getTime() - new Date(certificate.notBefore).getTime()).toBe(28_799_000);
    expect(new Date(certificate.renewAt).getTime()).toBeLessThan(new Date(certificate.notAfter).getTime());
    expect(kubernetes).toMatchObject({
      apiServer: 'https://k8s.lab.example',
      nodeLabels: { 'muster.example/pool': 'general' },
      registerWithTaints: [{ key: 'muster.example/new', effect: 'NoSchedule' }],
    });
  });

  test.each(['rsa', 'p256', 'p384'] as const)('works with an EK of type %s', async (ek) => {
    const tpm = labTpm({ ek });
    await enrol(running.store, tpm, { name: `worker-${ek}` });
    expect((await joinOverWire(running.node(), tpm, { name: `worker-${ek}` })).status).toBe(201);
  });

  test.each([
    ['IPv6', '::1', '::1', '::1'],
    ['IPv4 to a listener on every IPv6 address', '::', '127.0.0.1', '127.0.0.1'],
  ])('works over %s', async (_, listener, host, recorded) => {
    await using other = await runService({ host: listener });
    await enrol(other.store, other.tpm);
    using client = labClient({ host, port: other.service.node.port, ca: other.caPem });
    expect((await joinOverWire(client, other.tpm)).status).toBe(201);
    const issued = (await other.store.readAudit(0, 100)).find(({ type }) => type === 'certificate.issued');
    expect(issued?.address).toBe(recorded);
  });

  test('repeated over another connection gets the same bytes', async () => {
    const body = await joinBodyFor(running.node(), running.tpm);
    const [first, second] = [
      await running.node().send({ method: 'POST', path: '/v1/joins', body }),
      await running.node().send({ method: 'POST', path: '/v1/joins', body }),
    ];
    expect(first.status).toBe(201);
    expect(second.text).toBe(first.text);
  });

  test('refused tells the caller a name and a request id, and no more', async () => {
    const response = await joinOverWire(running.node(), running.tpm, { audience: 'elsewhere' });
    expect(response.status).toBe(403);
    expect(response.json).toEqual({
      type: 'urn:muster:problem:evidence-rejected',
      title: 'The evidence was not accepted',
      status: 403,
      instance: expect.stringMatching(/^urn:uuid:/),
      retry: 'never',
    });
  });

  test('while the store is out of reach is answered 503 with a time to come back', async () => {
    const body = await joinBodyFor(running.node(), running.tpm);
    running.store.unavailable = true;
    const response = await running.node().send({ method: 'POST', path: '/v1/joins', body });
    running.store.unavailable = false;
    expect(response).toMatchObject({ status: 503, problem: 'dependency-unavailable' });
    expect(response.headers['retry-after']).toBe('5');
    expect((await running.node().send({ method: 'POST', path: '/v1/joins', body })).status).toBe(201);
  });

  test('still running is answered with a time to ask again', async () => {
    const gate = Promise.withResolvers<void>();
    await using slow = await runService({
      signer: (signer) => ({ spki: signer.spki, sign: async (tbs) => (await gate.promise, signer.sign(tbs)) }),
    });
    await enrol(slow.store, slow.tpm);
    const body = await joinBodyFor(slow.node(), slow.tpm);
    const first = slow.node().send({ method: 'POST', path: '/v1/joins', body });
    await expect.poll(async () => (await slow.store.auditHead()).sequence).toBe(4);
    const second = await slow.node().send({ method: 'POST', path: '/v1/joins', body });
    gate.resolve();
    expect(second).toMatchObject({ status: 409, problem: 'state-conflict' });
    expect(second.headers['retry-after']).toBe('1');
    expect((await first).status).toBe(201);
  });

  test('leaves an audit log that verifies from its first record', async () => {
    const records = await running.store.readAudit(0, 10_000);
    expect(records.map(({ type }) => type).slice(0, 2)).toEqual(['policy.loaded', 'service.started']);
    expect(verifyAuditChain(records, { stored: await running.store.auditHead() })).toMatchObject({ ok: true });
  });
});
