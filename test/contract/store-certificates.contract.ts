import { beforeEach, describe, expect, test } from 'vitest';

import type { IssuanceIntent } from '#core/issuance.ts';
import type { NodeState } from '#core/node-record.ts';
import {
  NOON,
  afterNoon,
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labNodeId,
  labNodeName,
  labOutcome,
  labRequestId,
  labSerial,
  labTake,
} from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** Serials from intent to certificate. */
export function certificateContract(current: Current): void {
  const reserve = (n: number, intent: Partial<IssuanceIntent> = {}, ticket = n) =>
    current().store.reserveSerial(
      labIntent(n, intent),
      labTake(ticket).ticketId,
      labEvent({ type: 'certificate.signing', requestId: labRequestId(n) }),
    );
  const issue = (n: number, join = labJoin(n)) =>
    current().store.recordIssued(labIssued(n), join, labEvent({ type: 'certificate.issued' }));
  const head = async () => (await current().store.auditHead()).sequence;

  describe('of certificates,', () => {
    beforeEach(async () => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(1), labEnrolment(2)], 'admin:alice', NOON, []);
      for (const n of [1, 2, 3]) await store.takeTicket(labTake(n));
    });

    test('records the intent before the signature, with its event', async () => {
      const { store } = current();
      await reserve(1);
      const { serial, nodeId, nodeName, requestId, spkiFingerprint, notBefore, notAfter } = labIntent(1);
      expect(await store.findCertificate(serial)).toEqual({
        serial,
        nodeId,
        nodeName,
        requestId,
        spkiFingerprint,
        notBefore,
        notAfter,
        state: 'signing',
        fingerprint: undefined,
        der: undefined,
      });
      expect(await store.readAuditOfRequest(requestId)).toMatchObject([{ type: 'certificate.signing', sequence: 1 }]);
      expect(await store.findNode(nodeId)).toMatchObject({ state: 'enrolled' });
    });

    test('finds no certificate under a serial that nobody reserved', async () => {
      expect(await current().store.findCertificate(labSerial(1))).toBeUndefined();
    });

    test.each([
      { given: 'its own ticket', intent: {}, ticket: 2, outcome: 'done' },
      { given: 'a ticket nobody took', intent: {}, ticket: 9, outcome: 'ticket-not-held' },
      { given: 'a ticket another request took', intent: {}, ticket: 3, outcome: 'ticket-not-held' },
      {
        given: 'a ticket that got a serial already',
        intent: { requestId: labRequestId(1) },
        ticket: 1,
        outcome: 'ticket-not-held',
      },
      { given: 'a serial that is known', intent: { serial: labSerial(1) }, ticket: 2, outcome: 'serial-known' },
      { given: 'an unknown node', intent: { nodeId: labNodeId(9) }, ticket: 2, outcome: 'node-not-admissible' },
      { given: 'another name', intent: { nodeName: labNodeName(1) }, ticket: 2, outcome: 'node-not-admissible' },
    ])('given $given, reserves a serial or throws: $outcome', async ({ intent, ticket, outcome }) => {
      await reserve(1);
      expect(await labOutcome(reserve(2, intent, ticket))).toBe(outcome);
      expect(await head()).toBe(outcome === 'done' ? 2 : 1);
    });

    test('leaves a ticket good when the reservation it was for is refused', async () => {
      await reserve(1);
      expect(await labOutcome(reserve(2, { serial: labSerial(1) }))).toBe('serial-known');
      expect(await labOutcome(reserve(2))).toBe('done');
    });

    const states: readonly { state: NodeState; outcome: string }[] = [
      { state: 'enrolled', outcome: 'done' },
      { state: 'joined', outcome: 'done' },
      { state: 'pending', outcome: 'node-not-admissible' },
      { state: 'quarantined', outcome: 'node-not-admissible' },
      { state: 'barred', outcome: 'node-not-admissible' },
      { state: 'retired', outcome: 'node-not-admissible' },
    ];
    test.each(states)('reserves a serial for a node that is $state: $outcome', async ({ state, outcome }) => {
      await current().setNodeState(labNodeId(1), state);
      expect(await labOutcome(reserve(1))).toBe(outcome);
      const found = await current().store.findCertificate(labSerial(1));
      expect(found?.state).toBe(outcome === 'done' ? 'signing' : undefined);
    });

    test.each(states)('records a certificate for a node that is $state: $outcome', async ({ state, outcome }) => {
      const { store, setNodeState } = current();
      await reserve(1);
      await setNodeState(labNodeId(1), state);
      expect(await labOutcome(issue(1))).toBe(outcome);
      const done = outcome === 'done';
      expect(await store.findNode(labNodeId(1))).toMatchObject({ state: done ? 'joined' : state });
      expect(await store.findCertificate(labSerial(1))).toMatchObject({ state: done ? 'issued' : 'signing' });
      expect(await head()).toBe(done ? 2 : 1);
    });

    test('records the certificate and what the join taught of its node', async () => {
      const { store } = current();
      await reserve(1);
      await issue(1);
      const { fingerprint, der } = labIssued(1);
      const found = await store.findCertificate(labSerial(1));
      expect(found).toMatchObject({ state: 'issued', fingerprint });
      expect(found?.der).toEqual(new Uint8Array(der));
      const { at, address, bootEpoch, akName, imaProgress } = labJoin(1);
      const joined = { state: 'joined', lastJoinAt: at, lastAddress: address, bootEpoch, akName, imaProgress };
      expect(await store.findNode(labNodeId(1))).toMatchObject(joined);
      expect(await store.findNode(labNodeId(2))).toMatchObject({ state: 'enrolled', lastJoinAt: undefined });
    });

    test('records a join that taught no boot epoch', async () => {
      const { store } = current();
      await reserve(1);
      await issue(1, labJoin(1, { bootEpoch: undefined, akName: undefined, imaProgress: undefined }));
      const node = await store.findNode(labNodeId(1));
      const taught = [node?.bootEpoch, node?.akName, node?.imaProgress];
      expect([node?.state, ...taught]).toEqual(['joined', undefined, undefined, undefined]);
    });

    test.each([
      { given: 'a serial in signing', before: () => reserve(1), join: labJoin(1), outcome: 'done' },
      { given: 'a serial nobody reserved', before: () => reserve(2), join: labJoin(1), outcome: 'serial-not-signing' },
      { given: 'another node', before: () => reserve(1), join: labJoin(2), outcome: 'serial-not-signing' },
      {
        given: 'a serial that was issued',
        before: () => reserve(1).then(() => issue(1)),
        join: labJoin(1),
        outcome: 'serial-not-signing',
      },
      {
        given: 'a serial that was orphaned',
        before: async () => {
          await reserve(1);
          await current().store.orphanUnfinished(() => labEvent());
        },
        join: labJoin(1),
        outcome: 'serial-not-signing',
      },
    ])('given $given, records a certificate or throws: $outcome', async ({ before, join, outcome }) => {
      await before();
      const sequence = await head();
      expect(await labOutcome(issue(1, join))).toBe(outcome);
      expect(await head()).toBe(outcome === 'done' ? sequence + 1 : sequence);
    });

    test('lists a node’s certificates, newest first', async () => {
      const { store } = current();
      await store.takeTicket(labTake(4));
      const own = { nodeId: labNodeId(1), nodeName: labNodeName(1) };
      await reserve(1, { notBefore: afterNoon(100) });
      await reserve(3, { ...own, notBefore: afterNoon(300) });
      await reserve(4, { ...own, notBefore: afterNoon(200) });
      await reserve(2);
      const serials = async (limit: number) =>
        (await store.listCertificates(labNodeId(1), limit)).map(({ serial }) => serial);
      expect(await serials(10)).toEqual([labSerial(3), labSerial(4), labSerial(1)]);
      expect(await serials(2)).toEqual([labSerial(3), labSerial(4)]);
    });

    test('orphans what nobody will finish, each with its event, and nothing else', async () => {
      const { store } = current();
      await reserve(1);
      await issue(1);
      await reserve(2);
      const toEvent = ({ serial }: { serial: string }) => labEvent({ type: 'certificate.orphaned', facts: { serial } });
      const orphaned = await store.orphanUnfinished(toEvent);
      expect(orphaned).toMatchObject([{ serial: labSerial(2), state: 'orphaned' }]);
      expect(await store.findCertificate(labSerial(1))).toMatchObject({ state: 'issued' });
      expect(await store.findCertificate(labSerial(2))).toMatchObject({ state: 'orphaned' });
      expect((await store.readAudit(3, 10)).map(({ facts }) => facts)).toEqual([{ serial: labSerial(2) }]);
      expect(await store.orphanUnfinished(toEvent)).toEqual([]);
      expect(await head()).toBe(4);
    });

    test('spares what began when it is told to, or later', async () => {
      const { store } = current();
      await reserve(1);
      const toEvent = () => labEvent({ type: 'certificate.orphaned' });
      const { notBefore } = labIntent(1);
      expect(await store.orphanUnfinished(toEvent, notBefore)).toEqual([]);
      expect(await store.findCertificate(labSerial(1))).toMatchObject({ state: 'signing' });
      expect(await store.orphanUnfinished(toEvent, new Date(notBefore.getTime() + 1))).toHaveLength(1);
    });

    test('orphans a serial once when two ask for it at the same time', async () => {
      const { store } = current();
      await reserve(1);
      const toEvent = () => labEvent({ type: 'certificate.orphaned' });
      const both = await Promise.all([store.orphanUnfinished(toEvent), store.orphanUnfinished(toEvent)]);
      expect(both.flat()).toHaveLength(1);
      expect(await head()).toBe(2);
    });

    test('undoes one write that fails alone, however many wait with it', async () => {
      const { store } = current();
      const outcomes = await Promise.allSettled([
        store.appendAudit(labEvent({ facts: { n: 1 } })),
        reserve(1),
        reserve(2, { serial: labSerial(1) }),
        store.appendAudit(labEvent({ facts: { n: 2 } })),
        reserve(2),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'fulfilled',
        'fulfilled',
      ]);
      expect(await head()).toBe(4);
    });
  });
}
