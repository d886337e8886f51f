import { beforeEach, describe, expect, test } from 'vitest';

import type { NodeChange } from '#core/node-life.ts';
import type { NodeState } from '#core/node-record.ts';
import type { RevocationReason } from '#core/revocation-reason.ts';
import {
  afterNoon,
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labNodeId,
  labNodeName,
  labOutcome,
  labSerial,
  labTake,
  NOON,
} from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** Nodes' standing, changed by administrators, and what becomes of their certificates. */
export function nodeLifeContract(current: Current): void {
  const change = (what: NodeChange, ns: readonly number[], reason?: RevocationReason, at = NOON) =>
    current().store.changeNodes({
      change: what,
      at,
      reason,
      nodes: ns.map((n) => ({ id: labNodeId(n), event: labEvent({ type: `node.${what}`, nodeName: labNodeName(n) }) })),
    });
  const reserve = (n: number, as = n) =>
    current()
      .store.takeTicket(labTake(n))
      .then(() =>
        current().store.reserveSerial(
          labIntent(n, { nodeId: labNodeId(as), nodeName: labNodeName(as) }),
          labTake(n).ticketId,
          labEvent({ type: 'certificate.signing', nodeName: labNodeName(as) }),
        ),
      );
  const record = (n: number, as = n) =>
    current().store.recordIssued(labIssued(n), labJoin(as), labEvent({ type: 'certificate.issued' }));
  const issue = async (n: number, as = n) => {
    await reserve(n, as);
    await record(n, as);
  };
  const stateOf = async (n: number) => (await current().store.findNode(labNodeId(n)))?.state;
  const certificateState = async (n: number) => (await current().store.findCertificate(labSerial(n)))?.state;
  const reasonOf = async (n: number) => (await current().store.findRevocation(labSerial(n)))?.reason;
  const head = async () => (await current().store.auditHead()).sequence;

  describe('of nodes’ lives,', () => {
    beforeEach(async () => {
      await current().store.enrolNodes([labEnrolment(1), labEnrolment(2)], 'admin:alice', NOON, []);
    });

    test('bars a node: its certificate is on the list for good, and the record says from where to where', async () => {
      const { store } = current();
      await issue(1);
      expect(await change('bar', [1], 'keyCompromise')).toEqual({
        ok: true,
        nodes: [{ id: labNodeId(1), name: labNodeName(1), from: 'joined', to: 'barred', serials: [labSerial(1)] }],
      });
      expect([await stateOf(1), await certificateState(1)]).toEqual(['barred', 'revoked']);
      expect(await store.findRevocation(labSerial(1))).toEqual({
        serial: labSerial(1),
        notAfter: labIntent(1).notAfter,
        reason: 'keyCompromise',
        revokedAt: NOON,
        change: await head(),
      });
      expect((await store.readAudit((await head()) - 1, 1)).at(0)).toMatchObject({
        type: 'node.bar',
        nodeName: labNodeName(1),
        facts: { from: 'joined', to: 'barred', serials: [labSerial(1)] },
      });
    });

    test.for<[NodeChange, RevocationReason | undefined, string]>([
      ['bar', undefined, 'privilegeWithdrawn'],
      ['bar', 'affiliationChanged', 'affiliationChanged'],
      ['retire', undefined, 'cessationOfOperation'],
      ['retire', 'superseded', 'superseded'],
      ['quarantine', undefined, 'certificateHold'],
    ])('lists a certificate of a node after %s for the reason %s as %s', async ([what, reason, listed]) => {
      await issue(1);
      await change(what, [1], reason);
      expect([await certificateState(1), await reasonOf(1)]).toEqual(['revoked', listed]);
    });

    test('holds a quarantined node’s certificate and gives it back', async () => {
      const { store } = current();
      await issue(1);
      await change('quarantine', [1]);
      const held = await store.newestRevocationChange();
      expect(await change('release', [1])).toMatchObject({
        ok: true,
        nodes: [{ from: 'quarantined', to: 'joined', serials: [labSerial(1)] }],
      });
      expect([await stateOf(1), await certificateState(1), await reasonOf(1)]).toEqual(['joined', 'issued', undefined]);
      const changes = await store.listRevocations({ change: held, serial: labSerial(1) }, 10);
      expect(changes).toMatchObject([{ serial: labSerial(1), reason: 'removeFromCRL' }]);
    });

    test('can hold a certificate again that was given back', async () => {
      await issue(1);
      for (const what of ['quarantine', 'release', 'quarantine'] as const) await change(what, [1]);
      expect([await certificateState(1), await reasonOf(1)]).toEqual(['revoked', 'certificateHold']);
    });

    test('keeps the time of a hold that becomes a revocation', async () => {
      await issue(1);
      await change('quarantine', [1]);
      await change('bar', [1], 'keyCompromise', afterNoon(60));
      const found = await current().store.findRevocation(labSerial(1));
      expect([found?.reason, found?.revokedAt]).toEqual(['keyCompromise', NOON]);
      await change('unbar', [1], undefined, afterNoon(70));
      await change('release', [1], undefined, afterNoon(80));
      expect([await stateOf(1), await certificateState(1), await reasonOf(1)]).toEqual([
        'enrolled',
        'revoked',
        'keyCompromise',
      ]);
    });

    test('does not give back on release what was revoked for good meanwhile', async () => {
      await issue(1);
      await change('quarantine', [1]);
      const certificates = [{ serial: labSerial(1), event: labEvent() }];
      await current().store.revokeCertificates({ at: NOON, reason: 'keyCompromise', certificates });
      expect(await change('release', [1])).toMatchObject({ ok: true, nodes: [{ serials: [] }] });
      expect([await certificateState(1), await reasonOf(1)]).toEqual(['revoked', 'keyCompromise']);
    });

    test.for<[NodeChange, string]>([
      ['bar', 'privilegeWithdrawn'],
      ['quarantine', 'superseded'],
      ['retire', 'cessationOfOperation'],
    ])('lists what is being signed when its node gets %s, and never records it', async ([what, listed]) => {
      await reserve(1);
      await change(what, [1]);
      expect([await certificateState(1), await reasonOf(1)]).toEqual(['revoked', listed]);
      expect(await labOutcome(record(1))).toBe('serial-not-signing');
      expect(await stateOf(1)).not.toBe('joined');
    });

    test('leaves alone what has expired, and other nodes’ certificates', async () => {
      await issue(1);
      await issue(2);
      const expired = new Date(labIntent(1).notAfter.getTime() + 1);
      expect(await change('bar', [1], undefined, expired)).toMatchObject({ nodes: [{ serials: [] }] });
      expect([await certificateState(1), await certificateState(2)]).toEqual(['issued', 'issued']);
    });

    test('revokes in a certificate’s last millisecond', async () => {
      await issue(1);
      await change('bar', [1], undefined, labIntent(1).notAfter);
      expect(await reasonOf(1)).toBe('privilegeWithdrawn');
    });

    test('gives a retired node’s name and EK free', async () => {
      const { store } = current();
      await change('retire', [1]);
      expect(await store.findNodeByName(labNodeName(1))).toBeUndefined();
      const again = labEnrolment(1, { id: labNodeId(9) });
      expect(await store.enrolNodes([again], 'admin:alice', NOON, [])).toMatchObject({ ok: true });
    });

    test.for<[string, NodeChange, readonly number[], readonly object[]]>([
      ['one that is not there', 'bar', [2, 7], [{ index: 1, state: undefined }]],
      ['one in a state that does not allow it', 'bar', [1, 2], [{ index: 0, state: 'barred' }]],
    ])('changes nobody where one of many cannot be: %s', async ([, what, ns, refused]) => {
      await issue(2);
      await change('bar', [1]);
      const before = await head();
      expect(await change(what, ns)).toEqual({ ok: false, refused });
      expect([await stateOf(2), await reasonOf(2), await head()]).toEqual(['joined', undefined, before]);
    });

    test('takes a node once only, and 10,000 at most', async () => {
      expect(await labOutcome(change('bar', [1, 1]))).toBe('RangeError');
      const many = Array.from({ length: 10_001 }, (_, n) => n);
      expect(await labOutcome(change('bar', many))).toBe('RangeError');
      expect(await stateOf(1)).toBe('enrolled');
    });

    test('lets one of two that change the same node at once have its way', async () => {
      const both = await Promise.all([change('bar', [1]), change('bar', [1])]);
      expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    });

    test.for<[NodeChange, NodeState]>([
      ['quarantine', 'quarantined'],
      ['bar', 'barred'],
      ['retire', 'retired'],
    ])('leaves no certificate good whichever comes first, a join or %s', async ([what, state]) => {
      await reserve(1);
      const [joined, changed] = await Promise.all([labOutcome(record(1)), change(what, [1])]);
      expect([joined, changed.ok, await stateOf(1), await certificateState(1)]).toEqual([
        joined,
        true,
        state,
        'revoked',
      ]);
    });
  });
}
