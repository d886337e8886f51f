import { describe, expect, test } from 'vitest';

import { verifyAuditChain } from '#core/audit-chain.ts';
import { AUDIT_GENESIS } from '#core/audit-record.ts';
import { afterNoon, labEvent, labNodeName, labOutcome, labRequestId } from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** The hash-chained audit log. */
export function auditContract(current: Current): void {
  describe('of audit records,', () => {
    test('begins with nothing, sealed over zeros', async () => {
      const { store } = current();
      expect(await store.auditHead()).toEqual({ sequence: 0, hash: AUDIT_GENESIS });
      expect(await store.readAudit(0, 10)).toEqual([]);
    });

    test('gives each record its place, and gives it back as it was', async () => {
      const { store } = current();
      const event = labEvent({
        actor: 'admin:alice',
        address: '2001:db8::1',
        requestId: labRequestId(1),
        nodeName: labNodeName(1),
        facts: { list: [1, 'two', null, { three: true }], large: Number.MAX_SAFE_INTEGER },
      });
      const first = await store.appendAudit(event);
      const second = await store.appendAudit(labEvent({ at: afterNoon(0.001) }));
      expect(first).toMatchObject({ ...event, sequence: 1, previousHash: AUDIT_GENESIS });
      expect(second).toMatchObject({ sequence: 2, previousHash: first.hash });
      expect(await store.readAudit(0, 10)).toEqual([first, second]);
      expect(await store.auditHead()).toEqual({ sequence: 2, hash: second.hash });
    });

    test('chains without a gap what many append at once', async () => {
      const { store } = current();
      const appended = await Promise.all(
        Array.from({ length: 300 }, (_, n) => store.appendAudit(labEvent({ facts: { n } }))),
      );
      expect(new Set(appended.map(({ sequence }) => sequence)).size).toBe(300);
      const records = await store.readAudit(0, 1_000);
      expect(verifyAuditChain(records, { stored: await store.auditHead() })).toMatchObject({ ok: true, records: 300 });
    });

    test.each([
      ['letters of every kind', 'Ünïcødé 中文 🔒 \u202e right to left'],
      ['control characters', 'a\0b\u0001\n\r\t\u007f\u2028'],
      ['half a surrogate pair', 'a\ud800b'],
      ['what SQL and JSON quote', `'"\\;-- \${x} %s`],
    ])('keeps facts with %s so that the chain still holds', async (_, text) => {
      const { store } = current();
      await store.appendAudit(labEvent({ facts: { text, [text]: 1 } }));
      const records = await store.readAudit(0, 1);
      expect(records[0]?.facts).toEqual({ text, [text]: 1 });
      expect(verifyAuditChain(records)).toMatchObject({ ok: true });
    });

    test.each([
      { given: 'a plain actor', event: labEvent({ actor: 'admin:alice' }), outcome: 'done', records: 1 },
      { given: 'an actor with NUL', event: labEvent({ actor: 'admin:a\0' }) },
      { given: 'an actor with half a surrogate pair', event: labEvent({ actor: 'a\udc00' }) },
      { given: 'a node name with NUL', event: labEvent({ nodeName: 'a\0' }) },
      { given: 'an address with NUL', event: labEvent({ address: '\0' }) },
      { given: 'a request id with NUL', event: labEvent({ requestId: '\0' }) },
      { given: 'a type with NUL', event: labEvent({ type: '\0' }) },
      { given: 'a fraction among its facts', event: labEvent({ facts: { n: 0.5 } }) },
    ])('given $given, appends or refuses', async ({ event, outcome = 'RangeError', records = 0 }) => {
      const { store } = current();
      expect(await labOutcome(store.appendAudit(event))).toBe(outcome);
      expect(await store.auditHead()).toMatchObject({ sequence: records });
    });

    test('is read page by page, by request and by node', async () => {
      const { store } = current();
      const about = [
        { requestId: labRequestId(1), nodeName: labNodeName(1) },
        { requestId: labRequestId(2), nodeName: labNodeName(1) },
        { requestId: labRequestId(1) },
        { nodeName: labNodeName(1) },
      ];
      for (const override of about) await store.appendAudit(labEvent(override));
      const sequences = (records: readonly { sequence: number }[]) => records.map(({ sequence }) => sequence);
      expect(sequences(await store.readAudit(1, 2))).toEqual([2, 3]);
      expect(sequences(await store.readAudit(4, 2))).toEqual([]);
      expect(sequences(await store.readAuditOfRequest(labRequestId(1)))).toEqual([1, 3]);
      expect(sequences(await store.readAuditOfNode(labNodeName(1), 2))).toEqual([4, 2]);
      expect(sequences(await store.readAuditOfNode(labNodeName(1), 2, 2))).toEqual([1]);
      expect(sequences(await store.readAuditOfNode(labNodeName(2), 2))).toEqual([]);
    });

    test('is read by type, newest first, page by page', async () => {
      const { store } = current();
      for (const type of ['lab.a', 'lab.b', 'lab.a', 'lab.a']) await store.appendAudit(labEvent({ type }));
      const read = async (type: string, page: { before?: number; limit: number }) =>
        (await store.readAuditOfType(type, page)).map(({ sequence }) => sequence);
      expect(await read('lab.a', { limit: 2 })).toEqual([4, 3]);
      expect(await read('lab.a', { before: 3, limit: 2 })).toEqual([1]);
      expect(await read('lab.b', { limit: 2 })).toEqual([2]);
      expect(await read('lab', { limit: 2 })).toEqual([]);
    });

    test('forgets a fact that is undefined', async () => {
      const { store } = current();
      await store.appendAudit(labEvent({ facts: { kept: 1, none: undefined } }));
      const records = await store.readAudit(0, 1);
      expect(Object.keys(records[0]?.facts ?? {})).toEqual(['kept']);
      expect(verifyAuditChain(records)).toMatchObject({ ok: true });
    });

    test('does not let go of what was appended when the caller changes its object', async () => {
      const { store } = current();
      const facts = { n: 1 };
      await store.appendAudit(labEvent({ facts }));
      facts.n = 2;
      expect(verifyAuditChain(await store.readAudit(0, 1))).toMatchObject({ ok: true });
    });
  });
}
