import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { cpuMs } from '#test/lab/cpu-time.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

/** Routes that answer in pages. */
const LISTS = ['/v1/nodes', '/v1/audit', '/v1/joins'];

const SIZES: readonly string[] = [
  '2147483648',
  '4294967296',
  '9007199254740993',
  '1e9',
  '1e308',
  '-1',
  '-2147483648',
  '0',
  '0.5',
  'NaN',
  'Infinity',
  '0x10',
  '010',
  '+5',
  '%205',
  '5%20',
  '5%00',
  '',
  'null',
  'all',
  '%D9%A5',
  '1001000',
];

describe('A18 a page size that would have memory set aside', () => {
  let running: RunningService;
  let admin: LabClient;

  beforeAll(async () => {
    running = await runService();
    for (let index = 0; index < 3; index += 1) await enrol(running.store, labTpm(), { name: `worker-${index}` });
    admin = running.admin(await running.administrator());
  });

  afterAll(() => running[Symbol.asyncDispose]());

  test.each(LISTS)('A18 a page of one of %s is answered', async (path) => {
    expect((await admin.send({ path: `${path}?limit=1` })).status).toBe(200);
  });

  test.each(LISTS.flatMap((path) => SIZES.map((size) => [path, size] as const)))(
    'A18 %s?limit=%s is refused',
    async (path, size) => {
      const before = process.memoryUsage().rss;
      const answer = await admin.send({ path: `${path}?limit=${size}` });
      expect(answer).toMatchObject({ status: 400, problem: 'malformed-request' });
      expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1_048_576);
    },
  );

  test.each(LISTS)('A18 %s with the parameter twice, as a list or as an object is refused', async (path) => {
    for (const query of ['limit=1&limit=1000000', 'limit[]=5', 'limit[$gt]=5', 'limit.x=5', 'Limit=5', '__proto__=5']) {
      expect([query, (await admin.send({ path: `${path}?${query}` })).status]).toEqual([query, 400]);
    }
  });

  test('A18 a place in the audit log beyond its end, or before its beginning, is an empty page or refused', async () => {
    for (const after of ['9007199254740991', '999999999']) {
      const answer = await admin.send({ path: `/v1/audit?limit=10&after=${after}` });
      expect([after, answer.status, answer.json]).toEqual([after, 200, { records: [] }]);
    }
    for (const after of ['-1', '9007199254740993', '1e9', 'NaN']) {
      expect([after, (await admin.send({ path: `/v1/audit?after=${after}` })).status]).toEqual([after, 400]);
    }
  });

  test('A18 the largest page there is costs no more than what is in it', async () => {
    const ms = await cpuMs(() => admin.send({ path: '/v1/audit?limit=1000' }));
    expect(ms).toBeLessThan(50);
  });
});
