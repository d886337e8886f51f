import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { DependencyError } from '#core/dependency-error.ts';
import { connectivityAfter, isWorse } from '#services/inventory/connectivity.ts';
import {
  type Heard,
  NodeContacts,
  type NodeContactsDeps,
  SHARED_SILENCE_MS,
} from '#services/inventory/node-contacts.ts';
import { type MemoryStore, memoryStore } from '#test/fakes/memory-store.ts';
import { afterNoon, labEnrolment, labEvent, labNodeId, labNodeName, NOON } from '#test/lab/store-values.ts';

const SILENCE = { lateMs: 90_000, lostMs: 600_000 };
const BOOT = '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f';
const NEXT_BOOT = '4e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f';

describe('connectivity', () => {
  test.each([
    [0, 'connected'],
    [89_999, 'connected'],
    [90_000, 'late'],
    [599_999, 'late'],
    [600_000, 'lost'],
  ])('after %i ms of silence is %s', (silentMs, expected) => {
    expect(connectivityAfter(silentMs, SILENCE)).toBe(expected);
  });

  test('is not made better by silence, nor of a node that was never seen', () => {
    expect(isWorse('late', 'connected')).toBe(true);
    expect(isWorse('lost', 'late')).toBe(true);
    expect(isWorse('connected', 'late')).toBe(false);
    expect(isWorse('late', 'lost')).toBe(false);
    expect(isWorse('lost', 'never-seen')).toBe(false);
  });
});

describe('the contacts of nodes', () => {
  let store: MemoryStore;
  let seconds: number;
  let contacts: NodeContacts;
  /** Runs while contacts are on their way to the store. */
  let meanwhile: () => void;

  const open = (over: MemoryStore = store): Promise<NodeContacts> =>
    NodeContacts.open({
      now: () => afterNoon(seconds),
      elapsedMs: () => seconds * 1_000,
      turn: () => Promise.resolve(),
      silence: SILENCE,
      store: over,
    });
  const heard = (n: number, override: Partial<Heard> = {}): void => {
    const node = { nodeId: labNodeId(n), name: labNodeName(n), at: afterNoon(seconds), address: '192.0.2.7' };
    contacts.heard({ ...node, bootId: BOOT, agentVersion: '1.0.0', clockOffsetMs: 3, ...override });
  };
  const events = async () =>
    (await store.readAudit(0, 100)).map(({ type, facts }) => {
      const { to, bootId } = z.object({ to: z.string().optional(), bootId: z.string().optional() }).parse(facts);
      return `${type} ${to ?? bootId}`;
    });
  const now = () => contacts.of(labNodeId(1))?.connectivity;

  beforeEach(async () => {
    seconds = 0;
    meanwhile = () => undefined;
    store = memoryStore((real) => ({
      recordContacts: (changes) => {
        const recorded = real.recordContacts(changes);
        meanwhile();
        return recorded;
      },
    }));
    await store.enrolNodes([labEnrolment(1), labEnrolment(2)], 'admin:alice', NOON, []);
    contacts = await open();
  });

  test('are in memory at once, and on record when they are recorded', async () => {
    heard(1);
    expect(now()).toBe('connected');
    expect(await store.findContact(labNodeId(1))).toMatchObject({ connectivity: 'never-seen' });
    await contacts.record(false);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ connectivity: 'connected', bootsSeen: 1 });
    expect(await store.listAddresses(labNodeId(1))).toMatchObject([{ address: '192.0.2.7' }]);
    expect(await events()).toEqual([`node.booted ${BOOT}`, 'node.connectivity-changed connected']);
  });

  test('have no record for a heartbeat that changes nothing, and their time is written with the others', async () => {
    heard(1);
    await contacts.record(true);
    seconds = 30;
    heard(1);
    await contacts.record(false);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ lastHeartbeatAt: NOON });
    await contacts.record(true);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ lastHeartbeatAt: afterNoon(30) });
    expect(await events()).toHaveLength(2);
  });

  test('go from connected to late to lost and back, each with its record', async () => {
    heard(1);
    await contacts.record(false);
    for (const [after, expected] of [
      [89, 'connected'],
      [90, 'late'],
      [599, 'late'],
      [600, 'lost'],
    ] as const) {
      seconds = after;
      await contacts.sweep();
      await contacts.record(false);
      expect(now()).toBe(expected);
    }
    seconds = 700;
    heard(1);
    await contacts.record(false);
    expect((await events()).slice(2)).toEqual([
      'node.connectivity-changed late',
      'node.connectivity-changed lost',
      'node.connectivity-changed connected',
    ]);
    const [last] = await store.readAuditOfType('node.connectivity-changed', { limit: 1 });
    expect(last).toMatchObject({ nodeName: labNodeName(1), facts: { from: 'lost', to: 'connected' } });
    expect((await store.listInventory({ connectivity: 'connected' }, { limit: 9 })).map(({ node }) => node.id)).toEqual(
      [labNodeId(1)],
    );
  });

  test('count a lease of the cluster as a sign of life, newer ones only, of nodes that are known', async () => {
    heard(1);
    seconds = 80;
    contacts.leaseSeen(labNodeName(1), afterNoon(79));
    contacts.leaseSeen(labNodeName(2), afterNoon(79));
    seconds = 120;
    contacts.leaseSeen(labNodeName(1), afterNoon(79));
    await contacts.sweep();
    expect(now()).toBe('connected');
    seconds = 170;
    await contacts.sweep();
    expect(now()).toBe('late');
    expect(contacts.of(labNodeId(1))).toMatchObject({ lastHeartbeatAt: NOON, lastLeaseAt: afterNoon(79) });
    expect(contacts.of(labNodeId(2))).toBeUndefined();
  });

  test('record each boot once, and a flood of claimed boots not at all', async () => {
    heard(1);
    heard(1, { bootId: NEXT_BOOT });
    heard(1, { bootId: NEXT_BOOT });
    await contacts.record(false);
    expect((await events()).filter((event) => event.startsWith('node.booted'))).toEqual([
      `node.booted ${BOOT}`,
      `node.booted ${NEXT_BOOT}`,
    ]);
    for (let n = 0; n < 100; n += 1) heard(1, { bootId: BOOT.replace(/..$/, String(n).padStart(2, '0')) });
    await contacts.record(false);
    expect((await events()).length).toBeLessThan(10);
  });

  test('begin again where a process left them, and blame nobody for its absence', async () => {
    heard(1);
    await contacts.record(true);
    seconds = 10_000;
    contacts = await open();
    await contacts.sweep();
    expect(now()).toBe('connected');
    seconds = 10_090;
    await contacts.sweep();
    expect(now()).toBe('late');
  });

  test('leave a lost node lost after a new start, until it is heard', async () => {
    heard(1);
    seconds = 600;
    await contacts.sweep();
    await contacts.record(true);
    contacts = await open();
    await contacts.sweep();
    expect(now()).toBe('lost');
    heard(1);
    expect(now()).toBe('connected');
  });

  test('heal by the next heartbeat where a killed process recorded nothing', async () => {
    heard(1);
    contacts = await open();
    expect(now()).toBeUndefined();
    heard(1);
    await contacts.record(false);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ connectivity: 'connected', bootId: BOOT });
    expect(await events()).toHaveLength(2);
  });

  test('are kept, and recorded once, when the store does not answer', async () => {
    heard(1);
    store.unavailable = true;
    await expect(contacts.record(true)).rejects.toThrow(DependencyError);
    store.unavailable = false;
    await contacts.record(false);
    await contacts.record(true);
    expect(await events()).toHaveLength(2);
  });

  test('forget a node that was retired, and leave its successor alone', async () => {
    heard(1);
    await contacts.record(true);
    store.setNodeState(labNodeId(1), 'retired');
    seconds = 100;
    await contacts.sweep();
    await contacts.record(true);
    expect(contacts.of(labNodeId(1))).toBeUndefined();
    expect(await events()).toHaveLength(2);
    await store.enrolNodes([labEnrolment(3, { name: labNodeName(1) })], 'admin:alice', NOON, []);
    heard(3, { name: labNodeName(1) });
    contacts.leaseSeen(labNodeName(1), afterNoon(99));
    expect(contacts.of(labNodeId(3))).toMatchObject({ lastLeaseAt: afterNoon(99) });
  });

  test('lose nothing that is heard while they are being recorded', async () => {
    heard(1);
    meanwhile = () => {
      seconds = 5;
      heard(1, { bootId: NEXT_BOOT });
      meanwhile = () => undefined;
    };
    await contacts.record(true);
    await contacts.record(true);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ lastHeartbeatAt: afterNoon(5), bootId: NEXT_BOOT });
    expect(await events()).toEqual([
      `node.booted ${BOOT}`,
      'node.connectivity-changed connected',
      `node.booted ${NEXT_BOOT}`,
    ]);
  });
});

describe('the contacts of nodes that several processes hear', () => {
  let store: MemoryStore;
  let seconds: number;
  /** Of two processes over one store; the first one leads. */
  let leader: NodeContacts;
  let other: NodeContacts;

  const shared = (): NodeContactsDeps['store'] => ({
    isShared: true,
    listContacts: (page) => store.listContacts(page),
    listContactChanges: (...since) => store.listContactChanges(...since),
    recordContacts: (changes) => store.recordContacts(changes),
  });
  const open = (): Promise<NodeContacts> =>
    NodeContacts.open({
      now: () => afterNoon(seconds),
      elapsedMs: () => seconds * 1_000,
      turn: () => Promise.resolve(),
      silence: SILENCE,
      store: shared(),
    });
  const hears = (contacts: NodeContacts, bootId = BOOT): void => {
    const node = { nodeId: labNodeId(1), name: labNodeName(1), at: afterNoon(seconds), address: '192.0.2.7' };
    contacts.heard({ ...node, bootId, agentVersion: '1.0.0', clockOffsetMs: 3 });
  };
  /** What each process does once a second; the times of contacts are recorded every ten. */
  const tick = async (everything = seconds % 10 === 0): Promise<void> => {
    for (const contacts of [leader, other]) {
      await contacts.refresh();
      if (contacts === leader) await contacts.sweep();
      await contacts.record(everything);
    }
  };
  const events = async () =>
    (await store.readAudit(0, 1_000)).map(
      ({ type, facts }) => `${type} ${z.object({ to: z.string().default('') }).parse(facts).to}`,
    );
  const found = () => [leader, other].map((contacts) => contacts.of(labNodeId(1))?.connectivity);

  beforeEach(async () => {
    seconds = 0;
    store = memoryStore();
    await store.enrolNodes([labEnrolment(1)], 'admin:alice', NOON, []);
    leader = await open();
    other = await open();
  });

  test('are known to a process that did not hear them', async () => {
    hears(other);
    await tick();
    await tick();
    expect(leader.of(labNodeId(1))).toMatchObject({ connectivity: 'connected', lastHeartbeatAt: NOON, bootId: BOOT });
  });

  test('make nobody late who is heard elsewhere, however the records of that fall', async () => {
    for (; seconds < 600; seconds += 1) {
      // The last one that is in time: missed twice, and heard just before the third.
      if (seconds % 89 === 0) hears(other);
      await tick();
    }
    expect(found()).toEqual(['connected', 'connected']);
    expect(await events()).toEqual(['node.booted ', 'node.connectivity-changed connected']);
  });

  test('make late whom nobody hears, once, by the process that leads', async () => {
    hears(other);
    const lateAt = (SILENCE.lateMs + SHARED_SILENCE_MS) / 1_000;
    for (; seconds < lateAt; seconds += 1) await tick();
    expect(found()).toEqual(['connected', 'connected']);
    await tick();
    seconds += 3;
    await tick();
    await tick();
    expect(found()).toEqual(['late', 'late']);
    expect(await events()).toHaveLength(3);
    hears(other);
    await tick();
    await tick();
    expect(found()).toEqual(['connected', 'connected']);
    expect((await events()).slice(2)).toEqual([
      'node.connectivity-changed late',
      'node.connectivity-changed connected',
    ]);
  });

  test('are told of once when two processes hear the same boot', async () => {
    hears(leader);
    hears(other);
    await tick();
    await tick();
    await tick(true);
    expect(await events()).toEqual(['node.booted ', 'node.connectivity-changed connected']);
    hears(leader, NEXT_BOOT);
    hears(other, NEXT_BOOT);
    await tick();
    await tick(true);
    expect(await events()).toHaveLength(3);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ bootsSeen: 2, bootId: NEXT_BOOT });
  });

  test('never go back to an earlier one, whoever records last', async () => {
    hears(other);
    seconds = 5;
    hears(leader);
    await leader.record(true);
    await other.record(true);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ lastHeartbeatAt: afterNoon(5) });
    await tick(true);
    expect(await store.findContact(labNodeId(1))).toMatchObject({ lastHeartbeatAt: afterNoon(5), bootsSeen: 1 });
    expect(other.of(labNodeId(1))).toMatchObject({ lastHeartbeatAt: afterNoon(5) });
  });

  test('bring a request for renewal to the process that the node calls', async () => {
    hears(other);
    await tick();
    await store.requestRenewal(labNodeId(1), afterNoon(3), labEvent());
    await tick();
    expect(other.of(labNodeId(1))?.renewRequestedAt).toEqual(afterNoon(3));
    hears(other);
    await tick(true);
    expect((await store.findContact(labNodeId(1))).renewRequestedAt).toEqual(afterNoon(3));
  });

  test('blame nobody for the time in which the store was away', async () => {
    hears(other);
    await tick();
    await tick();
    store.unavailable = true;
    for (; seconds < 300; seconds += 10) {
      hears(other);
      await expect(leader.refresh()).rejects.toThrow(DependencyError);
      expect(await leader.sweep()).toBe(0);
    }
    store.unavailable = false;
    await leader.refresh();
    expect(await leader.sweep()).toBe(0);
    await other.record(true);
    await tick();
    expect(found()).toEqual(['connected', 'connected']);
  });
});
