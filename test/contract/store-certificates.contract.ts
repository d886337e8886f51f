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
        ...{ serial, nodeId, nodeName, requestId, spkiFingerprint, notBefore, notAfter },
        ...{ state: 'signing', fingerprint: undefined, der: undefined },
      });
      expect(await store.readAuditOfRequest(requestId)).toMatchObject([{ type: 'certificate.signing', sequence: 1 }]);
      expect(await store.findNode(nodeId)).toMatchObject({ state: 'enrolled' });
    });

    test('finds no certificate under a serial that nobody reserved', async () => {
      expect(await current().store.findCertificate(labSerial(1))).toBeUndefined();
    });

    test.each([
      { given: 'its own ticket', intent: {}, ticket: 2, code: undefined },
      { given: 'a ticket nobody took', intent: {}, ticket: 9, code: 'ticket-not-held' },
      { given: 'a ticket another request took', intent: {}, ticket: 3, code: 'ticket-not-held' },
      {
        given: 'a ticket that got a serial already',
        intent: { requestId: labRequestId(1) },
        ticket: 1,
        code: 'ticket-not-held',
      },
      { given: 'a serial that is known', intent: { serial: labSerial(1) }, ticket: 2, code: 'serial-known' },
      { given: 'a node that is not known', intent: { nodeId: labNodeId(9) }, ticket: 2, code: 'node-not-admissible' },
      {
        given: 'a node of another name',
        intent: { nodeName: labNodeName(1) },
        ticket: 2,
        code: 'node-not-admissible',
      },
    ])('given $given, reserves a serial or throws and changes nothing', async ({ intent, ticket, code }) => {
      await reserve(1);
      const reserved = reserve(2, intent, ticket);
      if (code === undefined) return expect(await reserved).toBeUndefined();
      await expect(reserved).rejects.toMatchObject({ name: 'StoreConflictError', code });
      expect(await head()).toBe(1);
      // The ticket that was refused is as good as it was.
      return expect(await reserve(2)).toBeUndefined();
    });

    const admissible: readonly { state: NodeState; admitted: boolean }[] = [
      { state: 'enrolled', admitted: true },
      { state: 'joined', admitted: true },
      { state: 'pending', admitted: false },
      { state: 'quarantined', admitted: false },
      { state: 'barred', admitted: false },
      { state: 'retired', admitted: false },
    ];
    test.each(admissible)('reserves a serial for a node that is $state: $admitted', async ({ state, admitted }) => {
      await current().setNodeState(labNodeId(1), state);
      if (admitted) return expect(await reserve(1)).toBeUndefined();
      await expect(reserve(1)).rejects.toMatchObject({ code: 'node-not-admissible' });
      return expect(await current().store.findCertificate(labSerial(1))).toBeUndefined();
    });

    test.each(admissible)('records a certificate for a node that is $state: $admitted', async ({ state, admitted }) => {
      const { store, setNodeState } = current();
      await reserve(1);
      await setNodeState(labNodeId(1), state);
      if (admitted) await issue(1);
      else await expect(issue(1)).rejects.toMatchObject({ code: 'node-not-admissible' });
      expect(await store.findNode(labNodeId(1))).toMatchObject({ state: admitted ? 'joined' : state });
      expect(await store.findCertificate(labSerial(1))).toMatchObject({ state: admitted ? 'issued' : 'signing' });
      expect(await head()).toBe(admitted ? 2 : 1);
    });

    test('records the certificate and what the join taught of its node', async () => {
      const { store } = current();
      await reserve(1);
      await issue(1);
      const { fingerprint, der } = labIssued(1);
      const found = await store.findCertificate(labSerial(1));
      expect(found).toMatchObject({ state: 'issued', fingerprint });
      expect(found?.der).toEqual(new Uint8Array(der));
      const { at, address, bootEpoch, akName } = labJoin(1);
      const joined = { state: 'joined', lastJoinAt: at, lastAddress: address, bootEpoch, akName };
      expect(await store.findNode(labNodeId(1))).toMatchObject(joined);
      expect(await store.findNode(labNodeId(2))).toMatchObject({ state: 'enrolled', lastJoinAt: undefined });
    });

    test('records a join that taught no boot epoch', async () => {
      const { store } = current();
      await reserve(1);
      await issue(1, labJoin(1, { bootEpoch: undefined, akName: undefined }));
      const node = await store.findNode(labNodeId(1));
      expect([node?.state, node?.bootEpoch, node?.akName]).toEqual(['joined', undefined, undefined]);
    });

    test.each([
      { given: 'a serial in signing', before: () => reserve(1), join: labJoin(1), code: undefined },
      { given: 'a serial nobody reserved', before: () => reserve(2), join: labJoin(1), code: 'serial-not-signing' },
      { given: 'another node', before: () => reserve(1), join: labJoin(2), code: 'serial-not-signing' },
      {
        given: 'a serial that was issued',
        before: () => reserve(1).then(() => issue(1)),
        join: labJoin(1),
        code: 'serial-not-signing',
      },
      {
        given: 'a serial that was orphaned',
        before: async () => {
          await reserve(1);
          await current().store.orphanUnfinished(() => labEvent());
        },
        join: labJoin(1),
        code: 'serial-not-signing',
      },
    ])('given $given, records a certificate or throws and changes nothing', async ({ before, join, code }) => {
      await before();
      const sequence = await head();
      if (code === undefined) return expect(await issue(1, join)).toBeUndefined();
      await expect(issue(1, join)).rejects.toMatchObject({ name: 'StoreConflictError', code });
      return expect(await head()).toBe(sequence);
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
