import { describe, expect, test } from 'vitest';

import type { NodeState } from '#core/node-record.ts';
import { NOON, labEnrolment, labEvent, labNodeName, labOutcome, labPoolName } from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** Enrolment, and the ways to find a node. */
export function nodeContract(current: Current): void {
  const enrol = (...list: Parameters<typeof labEnrolment>[0][]) =>
    current().store.enrolNodes(
      list.map((n) => labEnrolment(n)),
      'admin:alice',
      NOON,
      list.map((n) => labEvent({ type: 'node.enrolled', nodeName: labNodeName(n) })),
    );

  describe('of nodes,', () => {
    test('finds an enrolled node by id, by name and by EK, with all that was said of it', async () => {
      const { store } = current();
      await enrol(1, 2);
      const { id, name, pool, ekFingerprint, ekCertificate } = labEnrolment(1);
      const expected = {
        id,
        name,
        pool,
        ekFingerprint,
        state: 'enrolled',
        enrolledAt: NOON,
        enrolledBy: 'admin:alice',
        lastJoinAt: undefined,
        lastAddress: undefined,
        bootEpoch: undefined,
        akName: undefined,
        imaProgress: undefined,
      };
      for (const found of [store.findNode(id), store.findNodeByName(name), store.findNodeByEk(ekFingerprint)]) {
        expect(await found).toMatchObject(expected);
        expect((await found)?.ekCertificate).toEqual(new Uint8Array(ekCertificate ?? []));
      }
    });

    test('finds nothing where nothing was enrolled', async () => {
      const { store } = current();
      await enrol(1);
      const { id, name, ekFingerprint } = labEnrolment(2);
      expect(await store.findNode(id)).toBeUndefined();
      expect(await store.findNodeByName(name)).toBeUndefined();
      expect(await store.findNodeByEk(ekFingerprint)).toBeUndefined();
    });

    test('answers an enrolment with the nodes as they can be read afterwards', async () => {
      const outcome = await enrol(1, 2);
      expect(outcome).toMatchObject({ ok: true });
      const nodes = outcome.ok ? outcome.nodes : [];
      expect(nodes.map(({ name }) => name)).toEqual([labNodeName(1), labNodeName(2)]);
      expect(await current().store.findNode(labEnrolment(2).id)).toMatchObject({ ...nodes[1], ekCertificate: {} });
    });

    test('enrols a node whose EK has no certificate', async () => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(1, { ekCertificate: undefined })], 'admin:alice', NOON, []);
      expect((await store.findNode(labEnrolment(1).id))?.ekCertificate).toBeUndefined();
    });

    test('keeps the events of an enrolment in their order', async () => {
      await enrol(2, 1);
      const records = await current().store.readAudit(0, 10);
      expect(records.map(({ nodeName }) => nodeName)).toEqual([labNodeName(2), labNodeName(1)]);
    });

    const one = labEnrolment(1);
    test.each([
      { given: 'nothing that is taken', list: [labEnrolment(2), labEnrolment(3)], conflicts: [] },
      {
        given: 'a recorded name',
        list: [labEnrolment(2), labEnrolment(3, { name: one.name })],
        conflicts: [{ index: 1, conflict: 'name-taken' }],
      },
      {
        given: 'a recorded EK',
        list: [labEnrolment(2, { ekFingerprint: one.ekFingerprint }), labEnrolment(3)],
        conflicts: [{ index: 0, conflict: 'ek-taken' }],
      },
      {
        given: 'a recorded name and EK',
        list: [labEnrolment(2), labEnrolment(3, { name: one.name, ekFingerprint: one.ekFingerprint })],
        conflicts: [
          { index: 1, conflict: 'name-taken' },
          { index: 1, conflict: 'ek-taken' },
        ],
      },
      {
        given: 'a name that an earlier line has',
        list: [labEnrolment(2), labEnrolment(3, { name: labNodeName(2) })],
        conflicts: [{ index: 1, conflict: 'name-taken' }],
      },
      {
        given: 'an EK that an earlier line has',
        list: [labEnrolment(2), labEnrolment(3, { ekFingerprint: labEnrolment(2).ekFingerprint })],
        conflicts: [{ index: 1, conflict: 'ek-taken' }],
      },
      {
        given: 'conflicts on several lines',
        list: [labEnrolment(2, { name: one.name }), labEnrolment(3), labEnrolment(4, { name: labNodeName(3) })],
        conflicts: [
          { index: 0, conflict: 'name-taken' },
          { index: 2, conflict: 'name-taken' },
        ],
      },
    ])('given $given, enrols all or none and names the lines', async ({ list, conflicts }) => {
      const { store } = current();
      await enrol(1);
      const outcome = await store.enrolNodes(list, 'admin:bob', NOON, [labEvent()]);
      const ok = conflicts.length === 0;
      expect(outcome).toMatchObject(ok ? { ok } : { ok, conflicts });
      expect(await store.listNodes({}, { limit: 10 })).toHaveLength(ok ? 1 + list.length : 1);
      expect(await store.auditHead()).toMatchObject({ sequence: ok ? 2 : 1 });
    });

    test('refuses an id that is known, and keeps nothing of the list', async () => {
      const { store } = current();
      await enrol(1);
      const again = labEnrolment(2, { id: one.id });
      expect(await labOutcome(store.enrolNodes([labEnrolment(3), again], 'admin:bob', NOON, [labEvent()]))).toBe(
        'Error',
      );
      expect(await store.listNodes({}, { limit: 10 })).toHaveLength(1);
      expect(await store.auditHead()).toMatchObject({ sequence: 1 });
    });

    test('lets one of many who enrol the same name at once have it', async () => {
      const { store } = current();
      const lists = Array.from({ length: 20 }, (_, n) => [labEnrolment(n + 2, { name: labNodeName(1) })]);
      const outcomes = await Promise.all(lists.map((list) => store.enrolNodes(list, 'admin:alice', NOON, [])));
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    });

    test.each<{ state: NodeState; taken: boolean }>([
      { state: 'enrolled', taken: true },
      { state: 'pending', taken: true },
      { state: 'joined', taken: true },
      { state: 'quarantined', taken: true },
      { state: 'barred', taken: true },
      { state: 'retired', taken: false },
    ])('holds the name and EK of a node that is $state: $taken', async ({ state, taken }) => {
      const { store, setNodeState } = current();
      await enrol(1);
      await setNodeState(one.id, state);
      const { name, ekFingerprint } = one;
      expect((await store.findNodeByName(name))?.id).toBe(taken ? one.id : undefined);
      expect((await store.findNodeByEk(ekFingerprint))?.id).toBe(taken ? one.id : undefined);
      expect(await store.findNode(one.id)).toMatchObject({ state });
      const successor = labEnrolment(2, { name, ekFingerprint });
      expect(await store.enrolNodes([successor], 'admin:alice', NOON, [])).toMatchObject({ ok: !taken });
      expect((await store.findNodeByEk(ekFingerprint))?.id).toBe(taken ? one.id : successor.id);
    });

    test('lists nodes by name, page after page', async () => {
      const { store } = current();
      await enrol(3, 1, 5, 2, 4);
      const first = await store.listNodes({}, { limit: 2 });
      const second = await store.listNodes({}, { after: first.at(-1)?.name, limit: 2 });
      const third = await store.listNodes({}, { after: second.at(-1)?.name, limit: 2 });
      expect([first, second, third].map((page) => page.map(({ name }) => name))).toEqual([
        [labNodeName(1), labNodeName(2)],
        [labNodeName(3), labNodeName(4)],
        [labNodeName(5)],
      ]);
    });

    test('lists the nodes of one pool, of one state, and retired ones only when asked', async () => {
      const { store, setNodeState } = current();
      const list = [labEnrolment(1), labEnrolment(2, { pool: labPoolName('gpu') }), labEnrolment(3), labEnrolment(4)];
      await store.enrolNodes(list, 'admin:alice', NOON, []);
      await setNodeState(labEnrolment(3).id, 'barred');
      await setNodeState(labEnrolment(4).id, 'retired');
      const names = async (filter: Parameters<typeof store.listNodes>[0]) =>
        (await store.listNodes(filter, { limit: 10 })).map(({ name }) => name);
      expect(await names({})).toEqual([labNodeName(1), labNodeName(2), labNodeName(3)]);
      expect(await names({ pool: labPoolName('gpu') })).toEqual([labNodeName(2)]);
      expect(await names({ state: 'barred' })).toEqual([labNodeName(3)]);
      expect(await names({ state: 'retired' })).toEqual([labNodeName(4)]);
      expect(await names({ state: 'barred', pool: labPoolName('gpu') })).toEqual([]);
    });

    test.each([
      { limit: 1, outcome: 'done' },
      { limit: 10_000, outcome: 'done' },
      { limit: 0, outcome: 'RangeError' },
      { limit: -1, outcome: 'RangeError' },
      { limit: 10_001, outcome: 'RangeError' },
      { limit: 1.5, outcome: 'RangeError' },
      { limit: Number.NaN, outcome: 'RangeError' },
      { limit: 2 ** 31, outcome: 'RangeError' },
    ])('takes pages of $limit: $outcome', async ({ limit, outcome }) => {
      const { store } = current();
      await enrol(1);
      const readings = [
        store.listNodes({}, { limit }),
        store.listCertificates(one.id, limit),
        store.readAudit(0, limit),
        store.readAuditOfNode(one.name, limit),
        store.readAuditOfType('node.enrolled', { limit }),
      ];
      expect(await Promise.all(readings.map(labOutcome))).toEqual(readings.map(() => outcome));
    });
  });
}
