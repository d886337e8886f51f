import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { EventParser } from '#cli/event-stream.ts';
import { parseCsv } from '#cli/csv.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { joinedIdentity } from '#test/lab/node-identity.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labEvent } from '#test/lab/store-values.ts';

import { type Desk, openDesk } from './administrator-desk.ts';

const BEAT = { bootId: '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f', agentVersion: '1.2.3', clock: '2026-11-21T10:00:00Z' };

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
  const { running } = desk;
  await enrol(running.store, running.tpm);
  await enrol(running.store, labTpm(), { name: 'other-1' });
  const node = running.node(1, await joinedIdentity(running));
  await node.send({ method: 'POST', path: '/v1/heartbeats', body: BEAT });
});
afterAll(() => desk[Symbol.asyncDispose]());

describe('muster nodes', () => {
  test('lists what a filter names', async () => {
    expect((await desk.muster(['nodes', 'list', '--prefix', 'other'])).out).toMatch(/^other-1 .*never-seen/m);
    expect((await desk.muster(['nodes', 'list', '--text', 'er-7', '-o', 'json'])).out).toContain(
      '"agentVersion": "1.2.3"',
    );
    expect((await desk.muster(['nodes', 'list', '--rating', 'protected'])).out).toContain('No such nodes');
    expect((await desk.muster(['nodes', 'list', '--connectivity', 'gone'])).exitCode).toBe(64);
  });

  test('shows what a node is, what was heard of it and what it proved', async () => {
    const { out } = await desk.muster(['nodes', 'show', 'worker-7']);
    expect(out).toMatch(/^Agent +1\.2\.3$/m);
    expect(out).toMatch(/^Boot +3e1c0f6a-.*, 1 seen$/m);
    expect(out).toMatch(/^Its clock +.* s (behind|ahead)$/m);
    expect(out).toMatch(/^Evidence +issued .*, matches /m);
    expect(out).toMatch(/^Last heartbeat +2/m);
  });

  test('shows how the newest join differs from the reference values, PCR by PCR', async () => {
    const { running } = desk;
    running.tpm.extend(4, Buffer.from('another boot loader'));
    await expect(joinedIdentity(running)).rejects.toThrow('Invalid input');
    const { out } = await desk.muster(['nodes', 'show', 'worker-7']);
    expect(out).toMatch(/^Evidence +refused .*, evidence-rejected$/m);
    expect(out).toMatch(/^pcr-mismatch +4 +[0-9a-f]{64} +[0-9a-f]{64}$/m);
    running.tpm.reset();
  });

  test('reads a node’s history', async () => {
    const page = await desk.muster(['nodes', 'history', 'worker-7', '-n', '2']);
    expect(page.out).toContain('More: --before ');
    expect((await desk.muster(['nodes', 'history', 'worker-7', '-o', 'json'])).out).toContain('node.enrolled');
    expect((await desk.muster(['nodes', 'history', 'nobody'])).exitCode).toBe(1);
  });

  test('asks a node to renew', async () => {
    expect((await desk.muster(['nodes', 'renew', 'worker-7'])).out).toContain('with its next heartbeat');
    expect((await desk.muster(['nodes', 'show', 'worker-7'])).out).toMatch(/^Renewal +asked for /m);
    expect((await desk.muster(['nodes', 'renew', 'nobody'])).exitCode).toBe(1);
    expect((await desk.muster(['nodes', 'renew', 'other-1'])).exitCode).toBe(1);
    expect((await desk.muster(['nodes', 'renew', 'worker-7'], { role: 'viewer' })).exitCode).toBe(77);
  });

  test('exports to CSV and JSON, and to nothing else', async () => {
    const csv = parseCsv((await desk.muster(['nodes', 'export'])).out);
    expect(csv.map(({ fields }) => fields[0])).toEqual(['name', 'other-1', 'worker-7']);
    expect((await desk.muster(['nodes', 'export', '-o', 'csv', '--prefix', 'other'])).out.split('\r\n')).toHaveLength(
      3,
    );
    const json = await desk.muster(['nodes', 'export', '-o', 'json']);
    expect(JSON.parse(json.out)).toMatchObject([{ name: 'other-1' }, { name: 'worker-7' }]);
    expect((await desk.muster(['nodes', 'export', '-o', 'yaml'])).exitCode).toBe(64);
    expect((await desk.muster(['nodes', 'list', '-o', 'csv'])).exitCode).toBe(64);
  });

  test('watches: what happened since, and then what happens', async () => {
    const { store } = desk.running;
    const { sequence } = await store.appendAudit(labEvent({ type: 'lab.first', nodeName: 'worker-7' }));
    await store.appendAudit(labEvent({ type: 'lab.other', nodeName: 'other-1' }));
    const stop = new AbortController();
    const watching = desk.muster(['nodes', 'watch', 'worker-7', '--after', String(sequence - 1)], {
      stop: stop.signal,
      onOut: (out) => {
        if (out.includes('lab.second')) stop.abort();
      },
    });
    await store.appendAudit(labEvent({ type: 'lab.second', nodeName: 'worker-7' }));
    const { out, exitCode } = await watching;
    expect(exitCode).toBe(0);
    expect(out).toContain('lab.first');
    expect(out).toContain('lab.second');
    expect(out).not.toContain('lab.other');
  });
});

describe('a stream of events', () => {
  const TEXT =
    ': comment\nid: 7\nevent: a\ndata: {"x":\ndata: 1}\n\nid: 9\n\r\nevent: b\r\ndata: 2\r\n\r\ndata: unfinished\n';
  const EVENTS = [
    { id: '7', type: 'a', data: '{"x":\n1}' },
    { id: '9', type: 'b', data: '2' },
  ];

  test.each([1, 2, 3, 7, 1_000])('is read the same in pieces of %i', (size) => {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < TEXT.length; at += size) events.push(...parser.push(TEXT.slice(at, at + size)));
    expect(events).toEqual(EVENTS);
    expect(parser.lastId).toBe('9');
  });

  test('is not kept for ever where an event has no end', () => {
    const parser = new EventParser();
    expect(() => {
      for (let n = 0; n < 40; n += 1) parser.push(`data: ${'x'.repeat(60_000)}\n`);
    }).toThrow(RangeError);
  });
});
