import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { verifyAuditChain } from '#core/audit-chain.ts';
import type { AuditRecord } from '#core/audit-record.ts';
import { systemRandom } from '#core/random.ts';
import { type AuditPage, auditHeadSchema, auditPageSchema } from '#protocol/audit.ts';
import { imaDemandsSchema } from '#protocol/ima-demands.ts';
import { joinDetailSchema, nodeDetailSchema, nodeListSchema, policySummarySchema } from '#protocol/inventory.ts';
import { referenceValuesSchema } from '#protocol/policy.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { enrol, PCRS } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinOverWire } from '#test/lab/wire.ts';

let running: RunningService;
let admin: LabClient;
let refusedId: string;

beforeAll(async () => {
  running = await runService();
  admin = running.admin(await running.administrator());
  await enrol(running.store, running.tpm);
  for (const name of ['a-1', 'b-2', 'c-3'])
    await enrol(running.store, labTpm(), { name, pool: name === 'b-2' ? 'edge' : 'general' });
  await joinOverWire(running.node(), running.tpm);
  refusedId = await refusedJoin(running);
});

afterAll(() => running[Symbol.asyncDispose]());

/** A join of the enrolled node after its boot loader changed; resolves to its request id. */
async function refusedJoin({ node, tpm }: RunningService): Promise<string> {
  tpm.extend(4, Buffer.from('another boot loader'));
  const response = await joinOverWire(node(), tpm);
  return (response.json as { instance: string }).instance.replace('urn:uuid:', '');
}

const get = (path: string) => admin.send({ path });

describe('GET /v1/nodes', () => {
  const list = async (query = '') => nodeListSchema.parse((await get(`/v1/nodes${query}`)).json);

  test('lists nodes in order of name, a page at a time', async () => {
    const first = await list('?limit=3');
    expect(first.nodes.map(({ name }) => name)).toEqual(['a-1', 'b-2', 'c-3']);
    const second = await list(`?limit=3&after=${first.next}`);
    expect(second).toMatchObject({ nodes: [{ name: 'worker-7', state: 'joined' }] });
    expect(second.next).toBeUndefined();
    expect((await list('?limit=4')).next).toBeUndefined();
  });

  test('filters by pool and by state', async () => {
    expect((await list('?pool=edge')).nodes.map(({ name }) => name)).toEqual(['b-2']);
    expect((await list('?state=joined')).nodes.map(({ name }) => name)).toEqual(['worker-7']);
    expect((await list('?state=joined&pool=edge')).nodes).toEqual([]);
  });

  test.each([
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1e2',
    'limit=2147483648',
    'limit=NaN',
    'limit=',
    'limit=5&limit=6',
    'limit[a]=5',
    'state=lost',
    'pool=A',
    'after=-',
    'order=name',
  ])('refuses ?%s', async (query) => {
    expect(await get(`/v1/nodes?${query}`)).toMatchObject({ status: 400, problem: 'malformed-request' });
  });
});

describe('GET /v1/nodes/{name}', () => {
  test('shows the node, its certificates and its newest records', async () => {
    const { node, certificates, records } = nodeDetailSchema.parse((await get('/v1/nodes/worker-7')).json);
    expect(node).toMatchObject({ name: 'worker-7', lastAddress: '127.0.0.1', bootEpoch: { resetCount: 7 } });
    expect(certificates).toMatchObject([{ state: 'issued' }]);
    expect(records.map(({ type }) => type)).toEqual([
      'join.refused',
      'certificate.issued',
      'certificate.signing',
      'node.enrolled',
    ]);
    const listed = await get('/v1/nodes/worker-7/certificates');
    expect(listed.json).toEqual({ certificates });
  });

  test('knows no node that is not enrolled', async () => {
    for (const path of ['/v1/nodes/worker-8', '/v1/nodes/worker-8/certificates']) {
      expect(await get(path)).toMatchObject({ status: 404, problem: 'not-found' });
    }
    expect(await get('/v1/nodes/WORKER-7')).toMatchObject({ status: 400 });
  });
});

describe('GET /v1/joins/{requestId}', () => {
  test('names every failed check of a refused join, with what was expected and found', async () => {
    const join = joinDetailSchema.parse((await get(`/v1/joins/${refusedId}`)).json);
    expect(join).toMatchObject({
      outcome: 'refused',
      problem: 'evidence-rejected',
      nodeName: 'worker-7',
      address: '127.0.0.1',
      denials: [{ code: 'pcr-mismatch', pcr: 4, found: running.tpm.readPcrs('sha256', [4])['4'] }],
      pcrs: { bank: 'sha256', values: running.tpm.readPcrs('sha256', PCRS) },
      records: [{ type: 'join.refused', requestId: refusedId }],
    });
  });

  test('shows what an accepted join was issued', async () => {
    const issued = (await running.store.readAudit(0, 100)).find(({ type }) => type === 'certificate.issued');
    const join = joinDetailSchema.parse((await get(`/v1/joins/${issued?.requestId}`)).json);
    expect(join).toMatchObject({
      outcome: 'issued',
      denials: [],
      certificate: { state: 'issued', serial: issued?.facts['serial'] },
    });
    expect(join.records.map(({ type }) => type)).toEqual(['certificate.signing', 'certificate.issued']);
  });

  test('says why a ticket was worth nothing', async () => {
    const body = { ticket: 'AAAA', csr: 'AAAA', evidence: { kind: 'signed-measurements', token: 'x' } };
    const response = await running.node().send({ method: 'POST', path: '/v1/joins', body });
    const id = (response.json as { instance: string }).instance.replace('urn:uuid:', '');
    expect((await get(`/v1/joins/${id}`)).json).toMatchObject({
      outcome: 'refused',
      problem: 'challenge-invalid',
      reason: 'ticket not-ours',
    });
  });

  test('knows no request that was no join', async () => {
    const enrolment = (await running.store.readAudit(0, 100)).find(({ type }) => type === 'node.enrolled');
    for (const id of ['00000000-0000-4000-8000-000000000000', enrolment?.requestId]) {
      expect(await get(`/v1/joins/${id}`)).toMatchObject({ status: 404, problem: 'not-found' });
    }
    expect(await get('/v1/joins/1')).toMatchObject({ status: 400 });
  });
});

describe('GET /v1/audit', () => {
  const parse = ({ records }: AuditPage): AuditRecord[] =>
    records.map((record) => ({ ...record, at: new Date(record.at) }));

  test('gives every record so that its hash can be recomputed, and the head it ends at', async () => {
    const records: AuditRecord[] = [];
    for (;;) {
      const page = parse(auditPageSchema.parse((await get(`/v1/audit?limit=3&after=${records.length}`)).json));
      if (page.length === 0) break;
      records.push(...page);
    }
    const head = auditHeadSchema.parse((await get('/v1/audit/head')).json);
    expect(verifyAuditChain(records, { stored: head })).toMatchObject({ ok: true, head });
    const [first, ...rest] = records;
    if (first === undefined) throw new Error('a first record');
    const altered = { ...first, actor: 'somebody else' };
    expect(verifyAuditChain([altered, ...rest])).toMatchObject({
      ok: false,
      faults: [{ fault: 'altered', sequence: 1 }],
    });
    expect(verifyAuditChain(rest)).toMatchObject({ ok: false, faults: [{ fault: 'dropped', sequence: 1 }] });
  });
});

describe('POST /v1/reference-values/capture', () => {
  const capture = (body: object) => admin.send({ method: 'POST', path: '/v1/reference-values/capture', body });

  test('makes a file of the values that the node’s last accepted join proved', async () => {
    const document = referenceValuesSchema.parse((await capture({ node: 'worker-7' })).json);
    expect(Object.keys(document.pcrs)).toEqual(PCRS.map(String));
    expect(document.pcrs['4']).toBe('00'.repeat(32));
    expect(document.capturedFrom).toMatch(/^node worker-7, join /);
  });

  test('makes one of a refused join too, and records that it did', async () => {
    const document = referenceValuesSchema.parse((await capture({ requestId: refusedId })).json);
    expect(document.pcrs).toEqual(running.tpm.readPcrs('sha256', PCRS));
    expect(
      (await running.store.readAudit(0, 1_000)).findLast(({ type }) => type === 'reference.captured'),
    ).toMatchObject({
      nodeName: 'worker-7',
      facts: { name: document.name, capturedFromRequestId: refusedId, pcrs: document.pcrs },
    });
  });

  test('takes no values that no quote proved, nor any of a machine that nobody enrolled', async () => {
    const unproven = await joinOverWire(running.node(), running.tpm, {
      evidence: { activationSecret: systemRandom(32) },
    });
    const stranger = await joinOverWire(running.node(), labTpm());
    for (const { json } of [unproven, stranger]) {
      const requestId = (json as { instance: string }).instance.replace('urn:uuid:', '');
      expect(await capture({ requestId })).toMatchObject({ status: 404, problem: 'not-found' });
    }
    expect(await capture({ node: 'a-1' })).toMatchObject({ status: 404, problem: 'not-found' });
    expect(await capture({ node: 'a-1', requestId: refusedId })).toMatchObject({ status: 400 });
  });
});

test('GET /v1/policy tells which policy is in force', async () => {
  const summary = policySummarySchema.parse((await get('/v1/policy')).json);
  expect(summary).toMatchObject({
    version: running.policy.version,
    pools: [
      { name: 'edge', segments: ['10.2.0.0/16'] },
      { name: 'general', certificateTtlSeconds: 28_800, bank: 'sha256', pcrs: [...PCRS], referenceValues: ['now'] },
    ],
  });
  expect(summary.lastError).toBeUndefined();
});

test('GET /v1/policy/ima tells what it demands of IMA lists', async () => {
  const demands = imaDemandsSchema.parse((await get('/v1/policy/ima')).json);
  expect(demands).toEqual({ policyVersion: running.policy.version, pools: {} });
});
