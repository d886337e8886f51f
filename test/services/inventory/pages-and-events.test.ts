import { request } from 'node:https';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { EventParser, type ServerEvent } from '#cli/event-stream.ts';
import { parseCsv } from '#cli/csv.ts';
import { nodeListSchema } from '#protocol/inventory.ts';
import { nodeHistorySchema } from '#protocol/inventory-query.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { enrol, nodeName } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';
import { labEnrolment, labEvent } from '#test/lab/store-values.ts';

let running: RunningService;
let identity: TlsIdentity;
let admin: LabClient;

beforeAll(async () => {
  running = await runService();
  identity = await running.administrator('viewer');
  admin = running.admin(identity);
  for (const name of ['a-1', 'a-2', 'b-3']) await enrol(running.store, labTpm(), { name });
});
afterAll(() => running[Symbol.asyncDispose]());

const get = (path: string, headers: Record<string, string> = {}) => admin.send({ path, headers });
const names = async (query: string) =>
  nodeListSchema.parse((await get(`/v1/nodes?${query}`)).json).nodes.map(({ name }) => name);

describe('a page of nodes', () => {
  test.each([
    ['connectivity=never-seen', ['a-1', 'a-2', 'b-3']],
    ['connectivity=lost', []],
    ['rating=default', ['a-1', 'a-2', 'b-3']],
    ['rating=protected', []],
    ['rating=protected&pool=general', []],
    ['prefix=a-', ['a-1', 'a-2']],
    ['text=-3', ['b-3']],
    ['after=a-1&limit=1', ['a-2']],
  ])('by ?%s', async (query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  test.each([
    'prefix=A',
    'prefix=-',
    'text=%25',
    'text=',
    'rating=best',
    'connectivity=gone',
    'after=a-1,x',
    'after=a,b,c',
  ])('refuses ?%s', async (query) => {
    expect(await get(`/v1/nodes?${query}`)).toMatchObject({ status: 400, problem: 'malformed-request' });
  });

  test('is not sent again to a caller who has it, and is when it has changed', async () => {
    const first = await get('/v1/nodes');
    const tag = String(first.headers['etag']);
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    for (const header of [tag, `W/${tag}`, `"0", ${tag}`, '*']) {
      expect(await get('/v1/nodes', { 'if-none-match': header })).toMatchObject({ status: 304, text: '' });
    }
    expect(await get('/v1/nodes', { 'if-none-match': '"0"' })).toMatchObject({ status: 200 });
    await enrol(running.store, labTpm(), { name: 'c-4' });
    expect(await get('/v1/nodes', { 'if-none-match': tag })).toMatchObject({ status: 200 });
  });
});

describe('a node’s history', () => {
  test('is read page by page, newest first, also of a name that nobody has any more', async () => {
    for (let n = 0; n < 5; n += 1) await running.store.appendAudit(labEvent({ nodeName: 'gone-1', facts: { n } }));
    const page = async (query: string) =>
      nodeHistorySchema.parse((await get(`/v1/nodes/gone-1/history?${query}`)).json);
    const first = await page('limit=3');
    expect(first.records.map(({ facts }) => facts['n'])).toEqual([4, 3, 2]);
    const second = await page(`limit=3&before=${first.next}`);
    expect(second.records.map(({ facts }) => facts['n'])).toEqual([1, 0]);
    expect(second.next).toBeUndefined();
    expect(await get('/v1/nodes/nobody/history')).toMatchObject({ status: 404 });
  });
});

describe('the events', () => {
  /** Follows until `enough` events came; resolves to them and the id to come back with. */
  const follow = (path: string, enough: number, lastId?: string): Promise<{ events: ServerEvent[]; lastId: string }> =>
    new Promise((resolve, reject) => {
      const parser = new EventParser();
      const events: ServerEvent[] = [];
      const { host, port } = running.service.admin;
      const { certificatePem: cert, keyPem: key } = identity;
      const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
      const outgoing = request(
        { host, port, path, headers, ca: running.caPem, cert, key, agent: false },
        (incoming) => {
          incoming.setEncoding('utf8');
          incoming.on('data', (text: string) => {
            events.push(...parser.push(text));
            if (events.length < enough) return;
            resolve({ events, lastId: parser.lastId ?? '' });
            outgoing.destroy();
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
  const append = (n: number, nodeName?: string) =>
    running.store.appendAudit(labEvent({ facts: { n }, ...(nodeName === undefined ? {} : { nodeName }) }));
  const numbers = (events: readonly ServerEvent[]) =>
    events.map(({ data }) => (JSON.parse(data) as { facts: { n: number } }).facts.n);

  test('are the records about nodes after a number, and go on where a reader left them', async () => {
    const { sequence } = await append(0, 'a-1');
    await append(1);
    for (let n = 2; n < 6; n += 1) await append(n, n === 4 ? 'b-3' : 'a-1');
    const first = await follow(`/v1/events?after=${sequence - 1}`, 3);
    expect(numbers(first.events).slice(0, 3)).toEqual([0, 2, 3]);
    const left = first.events[2]?.id ?? '';
    expect(numbers((await follow('/v1/events', 2, left)).events)).toEqual([4, 5]);
    expect(numbers((await follow(`/v1/events?node=b-3&after=${sequence}`, 1)).events)).toEqual([4]);
  });

  test('come as they happen', async () => {
    const following = follow('/v1/events', 2, String((await running.store.auditHead()).sequence));
    await append(10, 'a-1');
    await append(11, 'a-1');
    expect(numbers((await following).events)).toEqual([10, 11]);
  });

  test.each(['x', '-1', '1e3', '99999999999999999999'])('are refused after %s', async (id) => {
    expect(await get('/v1/events', { 'last-event-id': id })).toMatchObject({ status: 400 });
    expect(await get(`/v1/events?after=${id}`)).toMatchObject({ status: 400 });
  });
});

describe('an export', () => {
  test('is a CSV that a spreadsheet does not calculate, or JSON, of what the filter names', async () => {
    await running.store.enrolNodes(
      [labEnrolment(9, { name: nodeName('z-9'), ekCertificate: undefined })],
      '=cmd|calc',
      new Date('2026-11-21T12:00:00Z'),
      [],
    );
    const csv = await get('/v1/exports/nodes?format=csv&prefix=z');
    expect(csv.headers).toMatchObject({ 'content-type': 'text/csv; charset=utf-8; header=present' });
    const [head, row, ...rest] = parseCsv(csv.text);
    expect(rest).toEqual([]);
    expect(row?.fields[head?.fields.indexOf('name') ?? -1]).toBe('z-9');
    expect(row?.fields[head?.fields.indexOf('enrolledBy') ?? -1]).toBe("'=cmd|calc");
    const json = nodeListSchema.shape.nodes.parse((await get('/v1/exports/nodes?format=json')).json);
    expect(json.map(({ name }) => name)).toEqual(['a-1', 'a-2', 'b-3', 'c-4', 'z-9']);
    expect(JSON.parse((await get('/v1/exports/nodes?format=json&state=barred')).text)).toEqual([]);
    expect(await get('/v1/exports/nodes?format=xml')).toMatchObject({ status: 400 });
  });
});
