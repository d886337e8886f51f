import { beforeEach, describe, expect, test } from 'vitest';

import type { CertificateRecord } from '#services/store/store.ts';
import { Snapshot, type SnapshotChange } from '#services/kubernetes/snapshot.ts';
import { snapshotFeed, type SnapshotFeed } from '#services/kubernetes/snapshot-feed.ts';
import { snapshotNode, storeSnapshotSource } from '#services/kubernetes/snapshot-source.ts';
import { verifyStatement } from '#services/kubernetes/signed-statement.ts';
import { type MemoryStore, memoryStore } from '#test/fakes/memory-store.ts';
import { fakeClock } from '#test/fakes/fake-clock.ts';
import { labFingerprint, labSnapshotKeys } from '#test/lab/kubernetes-snapshot.ts';
import {
  afterNoon,
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labNodeId,
  labNodeName,
  labTake,
  NOON,
} from '#test/lab/store-values.ts';

const { privateKey, publicKey } = labSnapshotKeys();
const clock = fakeClock(NOON);

let store: MemoryStore;
let feed: SnapshotFeed;
let pauses: (() => unknown)[];
beforeEach(() => {
  store = memoryStore();
  pauses = [];
  feed = snapshotFeed({
    source: storeSnapshotSource(store, clock.now),
    key: privateKey,
    unmanaged: ['cp-1'],
    now: clock.now,
    pause: async () => {
      await pauses.shift()?.();
    },
  });
});

const about = (n: number) => labEvent({ nodeName: labNodeName(n) });
const enrol = (n: number) => store.enrolNodes([labEnrolment(n)], 'admin:lab', NOON, [about(n)]);

async function join(n: number): Promise<void> {
  await store.takeTicket(labTake(n));
  await store.reserveSerial(labIntent(n), labTake(n).ticketId, about(n));
  await store.recordIssued(labIssued(n), labJoin(n), about(n));
}

const read = (bytes: Uint8Array): SnapshotChange => {
  const verified = verifyStatement(bytes, 0, publicKey);
  if (!verified.ok) throw new Error(verified.denial);
  return verified.stated;
};

describe('the feed', () => {
  test('begins with every node, its state and the certificates it may show', async () => {
    for (const n of [1, 2, 3]) await enrol(n);
    await join(2);
    const stated = read(await feed.whole());
    expect(stated).toMatchObject({ base: undefined, issuedAt: NOON, unmanaged: ['cp-1'], gone: [] });
    expect(stated.change).toBe((await store.auditHead()).sequence);
    expect(stated.nodes.map(({ name, state }) => [name, state])).toEqual([
      [labNodeName(1), 'enrolled'],
      [labNodeName(2), 'joined'],
      [labNodeName(3), 'enrolled'],
    ]);
    expect(stated.nodes[1]?.current).toEqual([
      { fingerprint: labIssued(2).fingerprint, notAfter: labIssued(2).notAfter },
    ]);
  });

  test('tells what changed since, and only that', async () => {
    for (const n of [1, 2, 3]) await enrol(n);
    const { change } = read(await feed.whole());
    await join(3);
    const next = read(await feed.after(change, 0));
    expect([next.base, next.nodes.map(({ name }) => name)]).toEqual([change, [labNodeName(3)]]);
    expect(read(await feed.after(next.change, 0))).toMatchObject({ base: next.change, change: next.change, nodes: [] });
  });

  test('waits for a change, and answers as soon as there is one', async () => {
    await enrol(1);
    const { change } = read(await feed.whole());
    pauses = [() => undefined, () => join(1)];
    const next = read(await feed.after(change, 60_000));
    expect([next.nodes.map(({ state }) => state), pauses.length]).toEqual([['joined'], 0]);
  });

  test('says after a while that nothing changed, so that what is known does not grow old', async () => {
    await enrol(1);
    const { change } = read(await feed.whole());
    pauses = Array.from({ length: 10 }, () => () => clock.advance(200));
    const next = read(await feed.after(change, 2_000));
    expect(next).toMatchObject({ base: change, change, nodes: [], gone: [] });
    expect(next.issuedAt.getTime()).toBe(NOON.getTime() + 2_000);
  });

  test.each([
    ['is not of this service’s past', 1_000_000],
    ['is too long ago', 0],
  ])('begins anew where the change asked about %s', async (_, after) => {
    await enrol(1);
    for (let n = 0; n < 10_001; n += 1) await store.appendAudit(labEvent());
    expect(read(await feed.after(after, 0)).base).toBeUndefined();
  });

  test('loses nothing that happened while nobody listened', async () => {
    for (const n of [1, 2, 3]) await enrol(n);
    let followed = Snapshot.apply(undefined, read(await feed.whole()));
    for (const n of [1, 2, 3]) await join(n);
    store.setNodeState(labNodeId(2), 'barred');
    await store.appendAudit(about(2));
    store.setNodeState(labNodeId(3), 'retired');
    await store.appendAudit(about(3));
    if (typeof followed === 'string') throw new Error(followed);
    followed = Snapshot.apply(followed, read(await feed.after(followed.change, 0)));
    if (typeof followed === 'string') throw new Error(followed);
    expect([1, 2, 3].map((n) => (typeof followed === 'string' ? '' : followed.node(labNodeName(n))?.state))).toEqual([
      'joined',
      'barred',
      undefined,
    ]);
  });
});

describe('the certificates that a node may show', () => {
  const issued = (name: string, seconds: number, override: Partial<CertificateRecord> = {}): CertificateRecord => ({
    ...labIntent(1),
    state: 'issued',
    notBefore: afterNoon(seconds),
    fingerprint: labFingerprint(name),
    der: undefined,
    ...override,
  });
  const third = issued('third', 200);
  const second = issued('second', 100);
  const first = issued('first', 0);
  const expired = (record: CertificateRecord) => ({ ...record, notAfter: afterNoon(299) });
  const many = Array.from({ length: 12 }, (_, n) => issued(`m${n}`, 200 - n));
  const shown = (...records: readonly CertificateRecord[]) => {
    const node = snapshotNode({ id: labNodeId(1), name: labNodeName(1), state: 'joined' }, records, afterNoon(300));
    return [node.current, node.previous].map((some) => some.map(({ fingerprint }) => fingerprint));
  };
  const of = (...names: readonly string[]) => names.map(labFingerprint);

  test.each<[string, CertificateRecord[], string[][]]>([
    ['the newest and those before, in order', [third, second, first], [of('third'), of('second', 'first')]],
    ['one before that has expired ends the list', [third, expired(second), first], [of('third'), []]],
    ['as does the last second of the one before', [third, second, expired(first)], [of('third'), of('second')]],
    ['the only one', [first], [of('first'), []]],
    ['none', [], [[], []]],
    [
      'one that is being signed does not count',
      [{ ...third, state: 'signing', fingerprint: undefined }, second, first],
      [of('second'), of('first')],
    ],
    ['nor one that nobody got', [{ ...third, state: 'orphaned' }, second, first], [of('second'), of('first')]],
    [
      'the one before is revoked: what is older was replaced by it',
      [third, { ...second, state: 'revoked' }, first],
      [of('third'), []],
    ],
    ['the newest is revoked', [{ ...third, state: 'revoked' }, second, first], [[], []]],
    ['two of one second', [third, { ...third, ...issued('twin', 200) }, second], [of('third', 'twin'), of('second')]],
    ['more than a kubelet can need', many, [of('m0'), of('m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8')]],
  ])('%s', (_, records, expected) => {
    expect(shown(...records)).toEqual(expected);
  });
});
