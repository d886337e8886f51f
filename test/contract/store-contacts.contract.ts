import { describe, expect, test } from 'vitest';

import type { NodeId } from '#core/ids.ts';
import {
  ADDRESSES_KEPT,
  type ContactChange,
  type InventoryFilter,
  NEVER_SEEN,
  type NodeContact,
} from '#services/store/contact-store.ts';
import {
  afterNoon,
  labEnrolment,
  labEvent,
  labNodeId,
  labNodeName,
  labPoolName,
  NOON,
} from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

const HEARD: NodeContact = {
  lastHeartbeatAt: afterNoon(10),
  lastLeaseAt: afterNoon(8),
  connectivity: 'connected',
  connectivitySince: afterNoon(2),
  bootId: '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f',
  bootSeenAt: afterNoon(2),
  bootsSeen: 1,
  agentVersion: '1.2.3',
  clockOffsetMs: -1_500,
  renewRequestedAt: undefined,
};

/** What was heard of nodes, and the pages of the inventory. */
export function contactContract(current: Current): void {
  const change = (n: number, override: Partial<ContactChange> = {}): ContactChange => ({
    nodeId: labNodeId(n),
    contact: HEARD,
    address: { address: '192.0.2.7', at: afterNoon(10) },
    events: [labEvent({ nodeName: labNodeName(n) })],
    ...override,
  });
  const enrol = (...numbers: readonly number[]) =>
    current().store.enrolNodes(
      numbers.map((n) => labEnrolment(n)),
      'admin:alice',
      NOON,
      [],
    );

  describe('of contacts,', () => {
    test('knows a node that it never heard of', async () => {
      const { store } = current();
      await enrol(1);
      expect(await store.findContact(labNodeId(1))).toEqual(NEVER_SEEN);
      expect(await store.findContact(labNodeId(2))).toEqual(NEVER_SEEN);
      expect(await store.listContacts({ limit: 10 })).toEqual([]);
      expect(await store.listAddresses(labNodeId(1))).toEqual([]);
    });

    test('gives back what was recorded, with its events in the log', async () => {
      const { store } = current();
      await enrol(1, 2);
      expect(await store.recordContacts([change(1), change(2)])).toEqual([
        { outcome: 'recorded', revision: 1 },
        { outcome: 'recorded', revision: 2 },
      ]);
      expect(await store.findContact(labNodeId(1))).toEqual(HEARD);
      const known = { name: labNodeName(2), nodeId: labNodeId(2), contact: HEARD, revision: 2 };
      expect(await store.listContacts({ after: labNodeId(1), limit: 10 })).toEqual([known]);
      expect((await store.readAudit(0, 10)).map(({ nodeName }) => nodeName)).toEqual([labNodeName(1), labNodeName(2)]);
    });

    test('records a later contact over an earlier one, and leaves the request for renewal', async () => {
      const { store } = current();
      await enrol(1);
      expect(await store.requestRenewal(labNodeId(1), afterNoon(5), labEvent())).toBe(true);
      expect(await store.findContact(labNodeId(1))).toEqual({ ...NEVER_SEEN, renewRequestedAt: afterNoon(5) });
      const later = { ...HEARD, lastHeartbeatAt: afterNoon(40), clockOffsetMs: undefined };
      await store.recordContacts([change(1)]);
      await store.recordContacts([change(1, { contact: later, events: [] })]);
      expect(await store.findContact(labNodeId(1))).toEqual({ ...later, renewRequestedAt: afterNoon(5) });
    });

    test.each<[string, (id: NodeId) => NodeId]>([
      ['retired', (id) => id],
      ['unknown', () => labNodeId(99)],
    ])('records nothing of a node that is %s, and says so', async (_, idOf) => {
      const { store, setNodeState } = current();
      await enrol(1, 2);
      await setNodeState(labNodeId(1), 'retired');
      const nodeId = idOf(labNodeId(1));
      expect(await store.recordContacts([change(1, { nodeId }), change(2)])).toMatchObject([
        { outcome: 'gone' },
        { outcome: 'recorded' },
      ]);
      expect(await store.findContact(nodeId)).toEqual(NEVER_SEEN);
      expect(await store.requestRenewal(nodeId, NOON, labEvent())).toBe(false);
      expect(await store.auditHead()).toMatchObject({ sequence: 1 });
    });

    test('records nothing over what another process changed in the meantime', async () => {
      const { store } = current();
      await enrol(1);
      const [first] = await store.recordContacts([change(1, { basis: 0 })]);
      expect(first).toEqual({ outcome: 'recorded', revision: 1 });
      const lost: NodeContact = { ...HEARD, connectivity: 'lost' };
      for (const basis of [0, 2]) {
        expect(await store.recordContacts([change(1, { contact: lost, basis })])).toEqual([{ outcome: 'stale' }]);
      }
      expect(await store.findContact(labNodeId(1))).toEqual(HEARD);
      expect(await store.auditHead()).toMatchObject({ sequence: 1 });
      expect(await store.recordContacts([change(1, { contact: lost, basis: 1 })])).toMatchObject([{ revision: 2 }]);
    });

    test('tells what was changed since, in order, a request for renewal as well', async () => {
      const { store } = current();
      await enrol(1, 2, 3);
      const since = async (revision: number, limit = 10) =>
        (await store.listContactChanges(revision, limit)).map((one) => [one.nodeId, one.revision]);
      await store.recordContacts([change(2), change(1)]);
      await store.requestRenewal(labNodeId(3), NOON, labEvent());
      await store.recordContacts([change(2)]);
      expect(await since(0)).toEqual([
        [labNodeId(1), 2],
        [labNodeId(3), 3],
        [labNodeId(2), 4],
      ]);
      expect(await since(0, 1)).toEqual([[labNodeId(1), 2]]);
      expect(await since(3)).toEqual([[labNodeId(2), 4]]);
      expect(await since(4)).toEqual([]);
    });

    test('keeps the latest addresses, and when each was first and last seen', async () => {
      const { store } = current();
      await enrol(1);
      const seen = (n: number, at: Date) =>
        store.recordContacts([change(1, { address: { address: `192.0.2.${n}`, at }, events: [] })]);
      await seen(1, afterNoon(1));
      await seen(2, afterNoon(2));
      await seen(1, afterNoon(3));
      expect(await store.listAddresses(labNodeId(1))).toEqual([
        { address: '192.0.2.1', firstSeenAt: afterNoon(1), lastSeenAt: afterNoon(3) },
        { address: '192.0.2.2', firstSeenAt: afterNoon(2), lastSeenAt: afterNoon(2) },
      ]);
      for (let n = 3; n <= ADDRESSES_KEPT + 2; n += 1) await seen(n, afterNoon(n + 10));
      const kept = await store.listAddresses(labNodeId(1));
      expect(kept).toHaveLength(ADDRESSES_KEPT);
      expect(kept.map(({ address }) => address)).not.toContain('192.0.2.1');
    });
  });

  describe('of the inventory,', () => {
    const names = async (filter: InventoryFilter, after?: { name: ReturnType<typeof labNodeName>; id?: NodeId }) =>
      (await current().store.listInventory(filter, { after, limit: 3 })).map(({ node }) => Number(node.name.slice(-5)));

    /** 1 to 5: general but the fourth; the second late, the third connected; the fifth barred. */
    const fleet = async () => {
      const { store, setNodeState } = current();
      const list = [1, 2, 3, 4, 5].map((n) =>
        labEnrolment(n, n === 4 ? { pool: labPoolName('gpu'), name: labNodeName(4) } : {}),
      );
      await store.enrolNodes(list, 'admin:alice', NOON, []);
      await store.recordContacts([
        change(2, { contact: { ...HEARD, connectivity: 'late' } }),
        change(3, { address: { address: '2001:db8::3', at: NOON } }),
      ]);
      await setNodeState(labNodeId(5), 'barred');
    };

    test('shows each node beside what was heard of it', async () => {
      await fleet();
      const [, second] = await current().store.listInventory({}, { limit: 2 });
      expect(second).toMatchObject({ node: { id: labNodeId(2) }, contact: { ...HEARD, connectivity: 'late' } });
    });

    test.each<[string, InventoryFilter, readonly number[]]>([
      ['nothing: the first page', {}, [1, 2, 3]],
      ['a state', { state: 'barred' }, [5]],
      ['one pool', { pools: [labPoolName('gpu')] }, [4]],
      ['two pools', { pools: [labPoolName('gpu'), labPoolName('general')] }, [1, 2, 3]],
      ['no pool at all', { pools: [] }, []],
      ['a connectivity', { connectivity: 'late' }, [2]],
      ['never seen', { connectivity: 'never-seen' }, [1, 4, 5]],
      ['never seen, in a state', { connectivity: 'never-seen', state: 'barred' }, [5]],
      ['a prefix', { prefix: 'worker-00004' }, [4]],
      ['a prefix of none', { prefix: 'orker' }, []],
      ['a part of the name', { text: '0003' }, [3]],
      ['a part of the name in capitals', { text: 'WORKER-00003' }, [3]],
      ['wildcards that are none', { text: '%' }, []],
      ['wildcards that are none, too', { text: 'worker_' }, []],
      ['an id', { text: labNodeId(2) }, [2]],
      ['the beginning of an EK', { text: labEnrolment(4).ekFingerprint.slice(0, 10) }, [4]],
      ['an address', { text: '2001:db8::3' }, [3]],
      ['an address, in a pool that has none there', { text: '2001:db8::3', pools: [labPoolName('gpu')] }, []],
      ['retired ones', { state: 'retired' }, []],
    ])('finds by %s', async (_, filter, expected) => {
      await fleet();
      expect(await names(filter)).toEqual(expected);
    });

    test('goes on after the last of a page, also among retired nodes of one name', async () => {
      const { store, setNodeState } = current();
      await fleet();
      expect(await names({}, { name: labNodeName(3) })).toEqual([4, 5]);
      for (const id of [1, 11, 12].map(labNodeId)) {
        if (id !== labNodeId(1)) await store.enrolNodes([labEnrolment(1, { id })], 'admin:alice', NOON, []);
        await setNodeState(id, 'retired');
      }
      const after = { name: labNodeName(1), id: labNodeId(11) };
      const [next] = await store.listInventory({ state: 'retired' }, { after, limit: 3 });
      expect(next?.node.id).toBe(labNodeId(12));
      expect(await names({})).toEqual([2, 3, 4]);
    });

    test('finds an address that thousands share, in order of name', async () => {
      const { store } = current();
      const many = Array.from({ length: 2_100 }, (_, n) => n + 1);
      await store.enrolNodes(
        many.map((n) => labEnrolment(n)),
        'admin:alice',
        NOON,
        [],
      );
      await store.recordContacts(many.map((n) => change(n, { events: [] })));
      expect(await names({ text: '192.0.2.7' }, { name: labNodeName(7) })).toEqual([8, 9, 10]);
    });

    test('merges what several indexes find, in order and once', async () => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(1), labEnrolment(2)], 'admin:alice', NOON, []);
      const at = { address: 'b8', at: NOON };
      await store.recordContacts([change(2, { address: at }), change(1, { address: at })]);
      const found = await store.listInventory({ text: 'b8' }, { limit: 10 });
      expect(found.map(({ node }) => node.id)).toEqual([labNodeId(1), labNodeId(2)]);
    });
  });
}
