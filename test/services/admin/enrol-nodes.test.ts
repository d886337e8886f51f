import { beforeAll, afterAll, describe, expect, test } from 'vitest';

import { toBase64Url } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { enrolmentResponseSchema } from '#protocol/enrolment.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';
import { joinOverWire } from '#test/lab/wire.ts';

const ekCa = labEkCa();
let running: RunningService;
let operator: LabClient;

beforeAll(async () => {
  running = await runService();
  operator = running.admin(await running.administrator('operator', 'olga'));
});

afterAll(() => running[Symbol.asyncDispose]());

const enrol = (nodes: readonly object[], more: object = {}) =>
  operator.send({ method: 'POST', path: '/v1/enrolments', body: { nodes, ...more } });

let serial = 0;
const named = (more: object = {}): { name: string; pool: string; ekPublicHash?: string } => ({
  name: `node-${++serial}`,
  pool: 'general',
  ekPublicHash: Buffer.from(systemRandom(32)).toString('hex'),
  ...more,
});

const count = async (): Promise<number> => (await running.store.listNodes({}, { limit: 10_000 })).length;

const pointersOf = (json: unknown): readonly string[] =>
  ((json as { errors?: { pointer: string }[] }).errors ?? []).map(({ pointer }) => pointer);

describe('POST /v1/enrolments', () => {
  test('enrols nodes by EK certificate and by EK public hash, and records who did it', async () => {
    const tpm = labTpm({ ek: 'rsa' });
    const ekCertificate = toBase64Url(issueEkCertificate(ekCa, { spki: tpm.ekSpki, keyType: 'rsa' }));
    const [first, second] = [named({ ekCertificate, ekPublicHash: undefined }), named()];
    const response = await enrol([first, second]);
    expect(response.status).toBe(201);
    const { dryRun, nodes } = enrolmentResponseSchema.parse(response.json);
    expect(dryRun).toBe(false);
    expect(nodes).toMatchObject([
      {
        name: first.name,
        state: 'enrolled',
        ekFingerprint: tpm.ekFingerprint,
        hasEkCertificate: true,
        enrolledBy: 'olga',
        protectionRating: 'default',
      },
      { name: second.name, state: 'enrolled', ekFingerprint: second.ekPublicHash, hasEkCertificate: false },
    ]);
    const records = (await running.store.readAudit(0, 10_000)).filter(({ type }) => type === 'node.enrolled').slice(-2);
    expect(records).toMatchObject([
      { actor: 'admin:olga', address: '127.0.0.1', nodeName: first.name },
      { actor: 'admin:olga', nodeName: second.name },
    ]);
  });

  test('lets the node join from then on', async () => {
    const { name } = named();
    expect((await enrol([{ name, pool: 'general', ekPublicHash: running.tpm.ekFingerprint }])).status).toBe(201);
    expect((await joinOverWire(running.node(), running.tpm, { name })).status).toBe(201);
  });

  test('changes nothing on a dry run, and says what it would do', async () => {
    const before = [await count(), await running.store.auditHead()];
    const node = named();
    const response = await enrol([node], { dryRun: true });
    expect(response).toMatchObject({ status: 200, json: { dryRun: true, nodes: [{ name: node.name }] } });
    expect([await count(), await running.store.auditHead()]).toEqual(before);
  });

  const taken = 'cd'.repeat(32);
  test.each<[string, () => readonly object[], number, string, readonly string[]]>([
    ['an unknown pool', () => [named(), named({ pool: 'other' })], 400, 'malformed-request', ['/nodes/1/pool']],
    [
      'a certificate that is none',
      () => [named({ ekPublicHash: undefined, ekCertificate: 'AAAA' }), named()],
      400,
      'malformed-request',
      ['/nodes/0/ekCertificate'],
    ],
    [
      'several lines for several reasons',
      () => [named({ pool: 'a' }), named(), named({ pool: 'b', ekPublicHash: undefined, ekCertificate: 'MAAA' })],
      400,
      'malformed-request',
      ['/nodes/0/pool', '/nodes/2/pool', '/nodes/2/ekCertificate'],
    ],
    [
      'a name whose CN would exceed 64 characters',
      () => [named(), named({ name: 'a'.repeat(53) })],
      400,
      'malformed-request',
      ['/nodes/1/name'],
    ],
    ['a name in capitals', () => [named({ name: 'Node-1' })], 400, 'malformed-request', ['/nodes/0/name']],
    ['an EK given both ways', () => [named({ ekCertificate: 'AAAA' })], 400, 'malformed-request', ['/nodes/0']],
    ['an EK given no way', () => [named({ ekPublicHash: undefined })], 400, 'malformed-request', ['/nodes/0']],
    [
      'a member that does not exist',
      () => [named({ rating: 'highly-protected' })],
      400,
      'malformed-request',
      ['/nodes/0/rating'],
    ],
    ['no node at all', () => [], 400, 'malformed-request', ['/nodes']],
    [
      'one name twice',
      () => [named({ name: 'twice' }), named({ name: 'twice' })],
      409,
      'state-conflict',
      ['/nodes/1/name'],
    ],
    [
      'one EK twice',
      () => [named({ ekPublicHash: taken }), named({ ekPublicHash: taken })],
      409,
      'state-conflict',
      ['/nodes/1'],
    ],
  ])('enrols none of them with %s', async (_, nodes, status, problem, pointers) => {
    const before = await count();
    for (const dryRun of [true, false]) {
      const response = await enrol(nodes(), { dryRun });
      expect({ status: response.status, problem: response.problem, pointers: pointersOf(response.json) }).toEqual({
        status,
        problem,
        pointers,
      });
    }
    expect(await count()).toBe(before);
  });

  test('refuses a name or an EK that is enrolled, dry run or not, and records the refusal once', async () => {
    const node = named();
    expect((await enrol([node])).status).toBe(201);
    for (const dryRun of [true, false]) {
      const response = await enrol([named({ name: node.name }), named({ ekPublicHash: node.ekPublicHash })], {
        dryRun,
      });
      expect(response.status).toBe(409);
      expect(pointersOf(response.json)).toEqual(['/nodes/0/name', '/nodes/1']);
    }
    const refused = (await running.store.readAudit(0, 10_000))
      .filter(({ type }) => type === 'enrolment.refused')
      .at(-1);
    expect(refused).toMatchObject({ actor: 'admin:olga', facts: { lines: 2, conflictCount: 2 } });
  });

  test('takes 5,000 nodes in one request', async () => {
    const before = await count();
    const response = await enrol(Array.from({ length: 5_000 }, () => named()));
    expect(response.status).toBe(201);
    expect((await enrol(Array.from({ length: 5_001 }, () => named()))).status).toBe(400);
    const listed = await running.store.listNodes({}, { limit: 10_000 });
    expect(listed.length - before).toBe(5_000);
  });
});
