import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import type { AdminClient } from '#cli/client.ts';
import { verifyAuditLog } from '#cli/verify-audit.ts';
import { AUDIT_START, type AuditHead, type AuditRecord, chainAuditEvent } from '#core/audit-record.ts';
import { auditHeadSchema, auditPageSchema } from '#protocol/audit.ts';

import { openDesk } from './administrator-desk.ts';

function chainOf(length: number, actor = 'service'): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  for (let at = 1; at <= length; at += 1) {
    const event = { type: 'join.refused', at: new Date(at * 1_000), actor, facts: { at } };
    records.push(chainAuditEvent(event, records.at(-1) ?? AUDIT_START));
  }
  return records;
}

const headOf = (records: readonly AuditRecord[]): AuditHead => {
  const { sequence, hash } = records.at(-1) ?? AUDIT_START;
  return { sequence, hash };
};

/** A service that gives out this log, with a page size of its own, and this head. */
function serviceWith(records: readonly AuditRecord[], head = headOf(records), pageSize = 7): AdminClient {
  const answer = (path: string, after: number, limit: number): unknown =>
    path.endsWith('/head')
      ? auditHeadSchema.parse(head)
      : auditPageSchema.parse({
          records: records
            .filter(({ sequence }) => sequence > after)
            .slice(0, Math.min(pageSize, limit))
            .map((record) => ({ ...record, at: record.at.toISOString() })),
        });
  return {
    url: 'https://service',
    get: (path, query, schema) =>
      Promise.resolve(schema.parse(answer(path, Number(query['after'] ?? 0), Number(query['limit'] ?? pageSize)))),
    post: () => Promise.reject(new Error('a verification changes nothing')),
    stream: () => Promise.reject(new Error('a verification reads pages')),
    [Symbol.dispose]: () => undefined,
  };
}

const LOG = chainOf(20);
const verify = (client: AdminClient, seen?: AuditHead) => verifyAuditLog(client, seen, () => undefined);
const edit = (at: number, change: Partial<AuditRecord>) =>
  LOG.map((record) => (record.sequence === at ? { ...record, ...change } : record));

describe('a log that is read page by page', () => {
  test('verifies, and gives its head', async () => {
    expect(await verify(serviceWith(LOG))).toMatchObject({ ok: true, records: 20, head: headOf(LOG), faults: [] });
  });

  test('verifies when it is empty', async () => {
    expect(await verify(serviceWith([]))).toMatchObject({ ok: true, records: 0 });
  });

  test('verifies when it grew since the head that was seen', async () => {
    expect(await verify(serviceWith(LOG), headOf(LOG.slice(0, 12)))).toMatchObject({ ok: true });
  });

  test('verifies up to the named head when it grows meanwhile', async () => {
    expect(await verify(serviceWith(LOG, headOf(LOG.slice(0, 15))))).toMatchObject({ ok: true, records: 15 });
  });

  test.each([
    ['altered', serviceWith(edit(5, { actor: 'admin:mallory' })), undefined, { sequence: 5, fault: 'altered' }],
    [
      'dropped',
      serviceWith(LOG.filter(({ sequence }) => sequence !== 5)),
      undefined,
      { sequence: 5, fault: 'dropped' },
    ],
    ['cut off', serviceWith(LOG.slice(0, 15), headOf(LOG)), undefined, { sequence: 16, fault: 'truncated' }],
    ['cut off with its head', serviceWith(LOG.slice(0, 15)), headOf(LOG), { sequence: 16, fault: 'truncated' }],
    ['written anew', serviceWith(chainOf(20, 'mallory')), headOf(LOG), { sequence: 20, fault: 'rewritten' }],
    ['emptied', serviceWith([]), headOf(LOG), { sequence: 1, fault: 'truncated' }],
    ['given another head', serviceWith(LOG, { ...headOf(LOG), hash: 'ab'.repeat(32) }), undefined, { sequence: 20 }],
  ])('is found out when it was %s', async (_, client, seen, fault) => {
    const result = await verify(client, seen);
    expect(result.ok).toBe(false);
    expect(result.faults).toEqual(expect.arrayContaining([expect.objectContaining(fault)]));
  });

  test('ends even where the service answers the same page for ever', async () => {
    const stuck = serviceWith(LOG);
    const page = stuck.get('/v1/audit', { after: 0 }, auditPageSchema);
    const client: AdminClient = {
      ...stuck,
      get: async (path, query, schema) =>
        path.endsWith('/head') ? stuck.get(path, query, schema) : schema.parse(await page),
    };
    expect((await verify(client)).ok).toBe(false);
  });
});

describe('muster audit verify', () => {
  test('remembers the head it verified, and refuses a log that has lost it', async () => {
    await using desk = await openDesk();
    const first = await desk.muster(['audit', 'verify']);
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.out).toContain('Seen before  never');
    const second = await desk.muster(['audit', 'verify', '-o', 'json']);
    const { head } = JSON.parse(second.out);
    expect(JSON.parse(second.out)).toMatchObject({ ok: true, seenBefore: head });

    const memory = join(desk.folder, 'cli-state.json');
    const text = readFileSync(memory, 'utf8');
    writeFileSync(memory, text.replace(head.hash, 'ab'.repeat(32)));
    const third = await desk.muster(['audit', 'verify']);
    expect(third.exitCode).toBe(1);
    expect(third.out).toContain('does NOT verify');
    expect(third.out).toContain('worked out anew');
    expect(readFileSync(memory, 'utf8')).toContain('ab'.repeat(32));

    writeFileSync(memory, 'not JSON');
    expect((await desk.muster(['audit', 'verify'])).exitCode).toBe(78);
  });
});
