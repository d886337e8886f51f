import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { referenceListSchema, retireResponseSchema } from '#protocol/reference.ts';
import { referenceRetired } from '#services/audit/events.ts';
import { retiredReferenceValues } from '#services/inventory/retired-reference-values.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { auditOf, enrol, lastDenials } from '#test/lab/join-lab.ts';
import { LAB_NOW } from '#test/lab/node-ca.ts';
import { type RunningService, runService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinOverWire } from '#test/lab/wire.ts';

const retireAt = (admin: LabClient, name: string) =>
  admin.send({ method: 'POST', path: '/v1/reference-values/retire', body: { name } });

describe('reference values in the running service', () => {
  let running: RunningService;
  let admin: LabClient;
  beforeAll(async () => {
    running = await runService();
    await enrol(running.store, running.tpm);
    admin = running.admin(await running.administrator());
  });
  afterAll(() => running[Symbol.asyncDispose]());

  const list = async () => {
    const { json } = await admin.send({ method: 'GET', path: '/v1/reference-values' });
    return referenceListSchema.parse(json);
  };

  test('are listed with the pools that name them, and what they admitted lately', async () => {
    expect(await list()).toMatchObject({
      countedJoins: 0,
      referenceValues: [{ name: 'now', pools: ['edge', 'general'], standing: 'valid', admitted: 0 }],
    });
    expect((await joinOverWire(running.node(), running.tpm)).status).toBe(201);
    const after = await list();
    expect(after).toMatchObject({ countedJoins: 1, referenceValues: [{ admitted: 1 }] });
    expect(after.referenceValues[0]?.lastAdmittedAt).toBe(after.countedSince);
  });

  test('are not retired by a name that the policy does not have', async () => {
    expect(await retireAt(admin, 'never')).toMatchObject({ status: 404 });
    expect((await auditOf(running.store)).filter(({ type }) => type === 'reference.retired')).toEqual([]);
  });

  test('are retired by nobody whose role does not include it', async () => {
    for (const role of ['viewer', 'operator', 'auditor']) {
      const other = running.admin(await running.administrator(role, role));
      expect(await retireAt(other, 'now')).toMatchObject({ status: 403 });
    }
    expect((await list()).referenceValues[0]?.standing).toBe('valid');
  });

  test('admit nobody from the answer on, and that is on record', async () => {
    const answer = await retireAt(admin, 'now');
    expect(retireResponseSchema.parse(answer.json)).toMatchObject({
      name: 'now',
      poolsWithoutAny: ['general', 'edge'],
    });
    const record = (await auditOf(running.store)).find(({ type }) => type === 'reference.retired');
    expect(record).toMatchObject({ facts: { name: 'now', policyVersion: running.policy.version } });
    expect(record?.actor).toMatch(/^admin:/);
    running.tpm.tick(60_000);
    expect((await joinOverWire(running.node(), running.tpm)).status).toBe(403);
    expect(await lastDenials(running.store)).toEqual(['reference-values-retired']);
    expect((await list()).referenceValues[0]?.standing).toBe('retired');
    expect(await retireAt(admin, 'now')).toMatchObject({ status: 409 });
  });
});

test('what is retired stays retired when the service starts again', async () => {
  const store = memoryStore();
  const tpm = labTpm();
  {
    await using running = await runService({ store, tpm });
    await enrol(store, tpm);
    expect((await joinOverWire(running.node(), tpm)).status).toBe(201);
    const admin = running.admin(await running.administrator());
    expect(await retireAt(admin, 'now')).toMatchObject({ status: 200 });
  }
  // The first one has closed its store.
  store.unavailable = false;
  await using again = await runService({ store, tpm });
  tpm.tick(60_000);
  expect((await joinOverWire(again.node(), tpm)).status).toBe(403);
  expect(await lastDenials(store)).toEqual(['reference-values-retired']);
});

test('nothing is retired while the log cannot take the record', async () => {
  const store = memoryStore();
  await using running = await runService({ store });
  await enrol(store, running.tpm);
  const admin = running.admin(await running.administrator());
  store.unavailable = true;
  expect(await retireAt(admin, 'now')).toMatchObject({ status: 503 });
  store.unavailable = false;
  expect((await joinOverWire(running.node(), running.tpm)).status).toBe(201);
});

test('every retirement is found, however many there are', async () => {
  const store = memoryStore();
  const names = Array.from({ length: 2_001 }, (_, n) => `image-${n}`);
  const occasion = { at: LAB_NOW, requestId: newRequestId(systemRandom), address: '127.0.0.1' };
  for (const name of names) {
    await store.appendAudit(referenceRetired(occasion, 'lab', { name, policyVersion: 'f00d' }));
  }
  expect(await retiredReferenceValues(store)).toEqual(new Set(names));
});
