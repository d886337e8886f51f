import { beforeEach, describe, expect, test } from 'vitest';

import { sha256Hex } from '#core/digest.ts';
import { utf8 } from '#core/bytes.ts';
import {
  NOON,
  afterNoon,
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labRequestId,
  labTake,
} from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** One-shot consumption of tickets. */
export function ticketContract(current: Current): void {
  const reserve = (n: number) => current().store.reserveSerial(labIntent(n), labTake(n).ticketId, labEvent());
  const issue = (n: number) => current().store.recordIssued(labIssued(n), labJoin(n), labEvent());
  const otherDigest = { requestDigest: sha256Hex(utf8('another request')) };

  describe('of tickets,', () => {
    beforeEach(async () => {
      await current().store.enrolNodes([labEnrolment(1)], 'admin:alice', NOON, []);
    });

    test('gives a ticket to the first caller and to no other', async () => {
      const { store } = current();
      expect(await store.takeTicket(labTake(1))).toEqual({ kind: 'fresh' });
      expect(await store.takeTicket(labTake(1))).toEqual({ kind: 'in-progress' });
      expect(await store.takeTicket(labTake(1, otherDigest))).toEqual({ kind: 'spent' });
      expect(await store.takeTicket(labTake(2))).toEqual({ kind: 'fresh' });
    });

    test('gives a ticket to one of a thousand who take it at once', async () => {
      const { store } = current();
      const takes = Array.from({ length: 1_000 }, (_, n) =>
        store.takeTicket(labTake(1, { requestId: labRequestId(n), requestDigest: sha256Hex(utf8(`${n}`)) })),
      );
      const kinds = (await Promise.all(takes)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'fresh')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'spent')).toHaveLength(999);
    });

    test('gives a ticket to one of a thousand repeats of one request', async () => {
      const { store } = current();
      const takes = Array.from({ length: 1_000 }, (_, n) =>
        store.takeTicket(labTake(1, { requestId: labRequestId(n) })),
      );
      const kinds = (await Promise.all(takes)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'fresh')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'in-progress')).toHaveLength(999);
    });

    test('gives the same request its certificate again, and no other request', async () => {
      const { store } = current();
      await store.takeTicket(labTake(1));
      await reserve(1);
      await issue(1);
      const repeat = await store.takeTicket(labTake(1, { requestId: labRequestId(9) }));
      expect(repeat).toMatchObject({ kind: 'repeat', certificate: { serial: labIssued(1).serial, state: 'issued' } });
      expect(repeat.kind === 'repeat' ? repeat.certificate.der : undefined).toEqual(new Uint8Array(labIssued(1).der));
      expect(await store.takeTicket(labTake(1, otherDigest))).toEqual({ kind: 'spent' });
    });

    test('calls a request in progress while its certificate is being signed', async () => {
      const { store } = current();
      await store.takeTicket(labTake(1));
      await reserve(1);
      expect(await store.takeTicket(labTake(1))).toEqual({ kind: 'in-progress' });
      expect(await store.takeTicket(labTake(1, otherDigest))).toEqual({ kind: 'spent' });
    });

    test('calls a ticket spent when the join that took it was refused', async () => {
      const { store } = current();
      const take = labTake(1);
      await store.takeTicket(take);
      await store.appendAudit(labEvent({ requestId: labRequestId(7) }));
      expect(await store.takeTicket(take)).toEqual({ kind: 'in-progress' });
      await store.appendAudit(labEvent({ requestId: take.requestId }));
      expect(await store.takeTicket(labTake(1, { requestId: labRequestId(9) }))).toEqual({ kind: 'spent' });
    });

    test('calls a ticket spent when its certificate was orphaned', async () => {
      const { store } = current();
      await store.takeTicket(labTake(1));
      await reserve(1);
      await store.orphanUnfinished(() => labEvent());
      expect(await store.takeTicket(labTake(1))).toEqual({ kind: 'spent' });
    });

    test('forgets the tickets that expired before a time, and counts them', async () => {
      const { store } = current();
      await store.takeTicket(labTake(1, { expiresAt: afterNoon(59) }));
      await store.takeTicket(labTake(2, { expiresAt: afterNoon(60) }));
      await store.takeTicket(labTake(3, { expiresAt: afterNoon(61) }));
      expect(await store.forgetTickets(afterNoon(60))).toBe(1);
      expect(await store.forgetTickets(afterNoon(60))).toBe(0);
      expect(await store.takeTicket(labTake(2))).toEqual({ kind: 'in-progress' });
      expect(await store.takeTicket(labTake(3))).toEqual({ kind: 'in-progress' });
    });
  });
}
