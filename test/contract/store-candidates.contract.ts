import { describe, expect, test } from 'vitest';

import type { CandidateProof } from '#core/candidate.ts';
import { utf8 } from '#core/bytes.ts';
import { ekFingerprint, isCandidateId, type CandidateId } from '#core/ids.ts';
import { BY_RULE, type CandidateSighting, type QueueBounds } from '#services/store/candidates.ts';
import {
  afterNoon,
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labNodeId,
  labNodeName,
  labPoolName,
  labRequestId,
  labTake,
  NOON,
} from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

const BOUNDS: QueueBounds = { perNetwork: 2, total: 3 };

const labCandidateId = (n: number): CandidateId => {
  const text = `00000003-0000-4000-8000-${String(n).padStart(12, '0')}`;
  if (!isCandidateId(text)) throw new Error(text);
  return text;
};

const proof = (n: number, override: Partial<CandidateProof> = {}): CandidateProof => ({
  claimedNodeName: labNodeName(n),
  address: '192.0.2.7',
  akName: `000b${String(n).padStart(64, '0')}`,
  ekCertificate: {
    model: 'ST33',
    manufacturer: 'id:53544D20',
    version: 'id:00010102',
    software: false,
    anchor: 'CN=Root',
  },
  bank: 'sha256',
  pcrs: { '0': 'aa', '7': 'bb' },
  referenceValues: 'now',
  firmwareVersion: '0000000000000001',
  boot: { secureBoot: true, commandLines: ['root=/dev/sda'], applications: 2 },
  calledBack: false,
  ...override,
});

const sighting = (n: number, override: Partial<CandidateSighting> = {}): CandidateSighting => ({
  id: labCandidateId(n),
  ekFingerprint: ekFingerprint(utf8(`ek ${n}`)),
  ekCertificate: utf8(`certificate of ek ${n}`),
  pool: labPoolName('general'),
  nodeId: undefined,
  requestId: labRequestId(n),
  at: NOON,
  expiresAt: afterNoon(3_600),
  network: `192.0.2.${n}`,
  proof: proof(n),
  ...override,
});

/** Machines that wait for approval, and those that a pool enrols by rule. */
export function candidateContract(current: Current): void {
  const event = () => labEvent({ type: 'candidate.happened' });
  const queue = (n: number, override: Partial<CandidateSighting> = {}) =>
    current().store.queueCandidate(sighting(n, override), BOUNDS, event());
  const head = async () => (await current().store.auditHead()).sequence;
  const approve = (n: number, override: Partial<Parameters<typeof labEnrolment>[1]> = {}, revision = 1) =>
    current().store.approveCandidate(
      { id: labCandidateId(n), revision, enrolment: labEnrolment(n, override), by: 'alice', at: afterNoon(60) },
      event(),
    );

  describe('of candidates,', () => {
    test('counts those that wait in a census, for as long as they do', async () => {
      await queue(1);
      await queue(2);
      const { store } = current();
      const counted = async (at: Date) => (await store.takeCensus(at, [])).candidatesWaiting;
      expect(await counted(NOON)).toBe(2);
      await approve(1);
      expect(await counted(NOON)).toBe(1);
      expect(await counted(afterNoon(1_000_000))).toBe(0);
    });

    test('keeps what a machine proved first beside what it proves now, once for each EK, with one event', async () => {
      const { store } = current();
      expect(await queue(1)).toMatchObject({ kind: 'queued', candidate: { revision: 1 } });
      const later = { id: labCandidateId(9), at: afterNoon(30), expiresAt: afterNoon(3_630) };
      expect(await queue(1, later)).toMatchObject({ kind: 'waiting', candidate: { revision: 1 } });
      const changed = proof(1, { pcrs: { '0': 'aa', '7': 'cc' } });
      expect(await queue(1, { ...later, proof: changed })).toMatchObject({ kind: 'waiting' });
      const [found, ...others] = await store.listCandidates(afterNoon(60), 10);
      expect(others).toEqual([]);
      expect(found).toMatchObject({
        id: labCandidateId(1),
        state: 'waiting',
        nodeId: undefined,
        revision: 2,
        firstSeenAt: NOON,
        lastSeenAt: afterNoon(30),
        expiresAt: afterNoon(3_630),
        first: proof(1),
        latest: changed,
      });
      expect(await store.findCandidate(labCandidateId(1), afterNoon(60))).toEqual(found);
      expect(await head()).toBe(1);
    });

    test('is forgotten when it expires, and its place is free', async () => {
      const { store } = current();
      await queue(1);
      expect(await store.listCandidates(afterNoon(3_600), 10)).toEqual([]);
      expect(await store.findCandidate(labCandidateId(1), afterNoon(3_600))).toBeUndefined();
      const again = { id: labCandidateId(2), at: afterNoon(3_600), expiresAt: afterNoon(7_200) };
      expect(await queue(1, again)).toMatchObject({ kind: 'queued', candidate: { id: labCandidateId(2) } });
    });

    test('bounds how many wait, from one network and in all', async () => {
      const network = '192.0.2.1';
      const kinds = [
        await queue(1, { network }),
        await queue(2, { network }),
        await queue(3, { network }),
        await queue(4),
        await queue(5),
        await queue(1, { network }),
      ];
      expect(kinds.map((queued) => ('bound' in queued ? queued.bound : queued.kind))).toEqual([
        'queued',
        'queued',
        'perNetwork',
        'queued',
        'total',
        'waiting',
      ]);
      expect(await head()).toBe(3);
    });

    test('enrols an approved machine under the name and pool that were approved, and takes it off the queue', async () => {
      const { store } = current();
      await queue(1);
      const outcome = await approve(1, { name: labNodeName(7) });
      expect(outcome).toMatchObject({ ok: true, node: { name: labNodeName(7), state: 'enrolled' } });
      const node = await store.findNodeByEk(sighting(1).ekFingerprint);
      expect(node).toMatchObject({
        enrolledBy: 'alice',
        approval: { by: 'alice', at: afterNoon(60) },
        name: labNodeName(7),
      });
      expect(await store.listCandidates(afterNoon(61), 10)).toEqual([]);
      expect(await head()).toBe(2);
    });

    test.each([
      { given: 'the revision that was seen', revision: 1, override: {}, outcome: 'enrolled' },
      { given: 'another revision', revision: 2, override: {}, outcome: 'changed' },
      {
        given: 'another EK',
        revision: 1,
        override: { ekFingerprint: ekFingerprint(utf8('ek 5')) },
        outcome: 'changed',
      },
      { given: 'a name that is taken', revision: 1, override: { name: labNodeName(8) }, outcome: 'name-taken' },
    ])('approves $given: $outcome', async ({ revision, override, outcome }) => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(8)], 'admin:alice', NOON, []);
      await queue(1);
      const approved = await approve(1, override, revision);
      expect(approved.ok ? approved.node.state : approved.conflict).toBe(outcome);
      expect(await head()).toBe(outcome === 'enrolled' ? 2 : 1);
    });

    test('approves nothing that is not there, has expired, or was enrolled in the meantime', async () => {
      const { store } = current();
      expect(await approve(1)).toEqual({ ok: false, conflict: 'gone' });
      await queue(1, { expiresAt: afterNoon(60) });
      expect(await approve(1)).toEqual({ ok: false, conflict: 'gone' });
      await queue(2);
      await store.enrolNodes([labEnrolment(2)], 'admin:alice', NOON, []);
      expect(await approve(2)).toEqual({ ok: false, conflict: 'gone' });
    });

    test('holds a node back until it is approved, and then lets it join', async () => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(1)], 'admin:alice', NOON, []);
      expect(await queue(1, { nodeId: labNodeId(1) })).toMatchObject({ kind: 'queued' });
      expect(await store.findNode(labNodeId(1))).toMatchObject({ state: 'pending' });
      expect(await approve(1)).toEqual({ ok: false, conflict: 'changed' });
      const approval = { id: labCandidateId(1), revision: 1, enrolment: undefined, by: 'bob', at: afterNoon(60) };
      expect(await store.approveCandidate(approval, event())).toMatchObject({
        ok: true,
        node: { id: labNodeId(1), state: 'enrolled', approval: { by: 'bob' } },
      });
      expect(await store.approveCandidate(approval, event())).toEqual({ ok: false, conflict: 'gone' });
    });

    test('approves no node that is not pending any more', async () => {
      const { store, setNodeState } = current();
      await store.enrolNodes([labEnrolment(1)], 'admin:alice', NOON, []);
      await queue(1, { nodeId: labNodeId(1) });
      await setNodeState(labNodeId(1), 'barred');
      const approval = { id: labCandidateId(1), revision: 1, enrolment: undefined, by: 'bob', at: afterNoon(60) };
      expect(await store.approveCandidate(approval, event())).toEqual({ ok: false, conflict: 'node-not-pending' });
      expect(await store.findNode(labNodeId(1))).toMatchObject({ state: 'barred' });
    });

    test('keeps a refusal until it expires', async () => {
      const { store } = current();
      const refusal = { by: 'alice', at: afterNoon(60), reason: 'not ours' };
      expect(await store.refuseCandidate(labCandidateId(1), refusal, event())).toBe(false);
      await queue(1);
      expect(await store.refuseCandidate(labCandidateId(1), refusal, event())).toBe(true);
      expect(await store.refuseCandidate(labCandidateId(1), refusal, event())).toBe(false);
      expect(await queue(1, { at: afterNoon(90), expiresAt: afterNoon(9_999) })).toEqual({
        kind: 'refused',
        reason: 'not ours',
      });
      expect(await store.listCandidates(afterNoon(91), 10)).toMatchObject([{ state: 'refused', refusal }]);
      expect(await queue(1, { at: afterNoon(3_600), expiresAt: afterNoon(9_999) })).toMatchObject({ kind: 'queued' });
      expect(await head()).toBe(3);
    });
  });

  describe('of enrolment by rule,', () => {
    const byRule = (n: number, count = 2, at = NOON) =>
      current().store.enrolByRule(
        { enrolment: labEnrolment(n), at, cap: { count, since: new Date(at.getTime() - 3_600_000) } },
        event(),
      );

    test('enrols up to the cap in an hour, counts what was retired, and counts the hour by the records', async () => {
      const { setNodeState } = current();
      expect([await byRule(1), await byRule(2)]).toMatchObject([{ ok: true }, { ok: true }]);
      await setNodeState(labNodeId(1), 'retired');
      expect(await byRule(3)).toEqual({ ok: false, conflict: 'cap-reached' });
      expect(await byRule(3, 2, afterNoon(3_599))).toEqual({ ok: false, conflict: 'cap-reached' });
      expect(await byRule(3, 2, afterNoon(3_600))).toMatchObject({ ok: true, node: { enrolledBy: BY_RULE } });
      expect(await head()).toBe(3);
    });

    test('lets one of many at once be the last under the cap', async () => {
      const outcomes = await Promise.all(Array.from({ length: 8 }, (_, n) => byRule(n + 1, 3)));
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(3);
    });

    test('does not count what an administrator enrolled, nor another pool', async () => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(1), labEnrolment(2)], 'alice', NOON, []);
      const other = labEnrolment(4, { pool: labPoolName('gpu') });
      const cap = { count: 1, since: afterNoon(-3_600) };
      expect(await store.enrolByRule({ enrolment: other, at: NOON, cap }, event())).toMatchObject({ ok: true });
      expect(await byRule(3, 1)).toMatchObject({ ok: true });
    });

    test.each([
      { given: 'a name that is taken', override: { name: labNodeName(1) }, conflict: 'name-taken' },
      {
        given: 'an EK that is taken',
        override: { ekFingerprint: labEnrolment(1).ekFingerprint },
        conflict: 'ek-taken',
      },
    ])('refuses $given', async ({ override, conflict }) => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(1)], 'alice', NOON, []);
      const cap = { count: 9, since: afterNoon(-3_600) };
      const enrolment = labEnrolment(2, override);
      expect(await store.enrolByRule({ enrolment, at: NOON, cap }, event())).toEqual({ ok: false, conflict });
      expect(await head()).toBe(0);
    });
  });

  describe('of holders of keys,', () => {
    test('finds the node that a key was certified for, also before its certificate was signed', async () => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(1), labEnrolment(2)], 'alice', NOON, []);
      expect(await store.findNodesByCertifiedKey(labIntent(1).spkiFingerprint)).toEqual([]);
      await store.takeTicket(labTake(1));
      await store.reserveSerial(labIntent(1), labTake(1).ticketId, event());
      expect(await store.findNodesByCertifiedKey(labIntent(1).spkiFingerprint)).toMatchObject([{ id: labNodeId(1) }]);
      await store.recordIssued(labIssued(1), labJoin(1), event());
      expect(await store.findNodesByCertifiedKey(labIntent(1).spkiFingerprint)).toMatchObject([{ id: labNodeId(1) }]);
      expect(await store.findNodesByCertifiedKey(labIntent(2).spkiFingerprint)).toEqual([]);
    });

    test('finds the node that an AK quoted for, unless it is retired; and its firmware', async () => {
      const { store, setNodeState } = current();
      const { akName = '' } = labJoin(1);
      await store.enrolNodes([labEnrolment(1)], 'alice', NOON, []);
      await store.takeTicket(labTake(1));
      await store.reserveSerial(labIntent(1), labTake(1).ticketId, event());
      await store.recordIssued(labIssued(1), labJoin(1, { firmwareVersion: '0000000000000007' }), event());
      expect(await store.findNodesByAk(akName)).toMatchObject([
        { id: labNodeId(1), firmwareVersion: '0000000000000007' },
      ]);
      expect(await store.findNodesByAk(labJoin(2).akName ?? '')).toEqual([]);
      await setNodeState(labNodeId(1), 'retired');
      expect(await store.findNodesByAk(akName)).toEqual([]);
    });
  });
}
