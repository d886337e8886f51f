import { describe, expect, test } from 'vitest';

import { NEVER_SEEN } from '#services/store/contact-store.ts';
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

import type { Current } from './store.contract.ts';

const HOUR_MS = 3_600_000;

/** How many there are of what. */
export function censusContract(current: Current): void {
  const enrol = (...numbers: readonly number[]) =>
    current().store.enrolNodes(
      numbers.map((n) => labEnrolment(n)),
      'admin:alice',
      NOON,
      [],
    );
  const issue = async (n: number, notAfter: Date): Promise<void> => {
    const { store } = current();
    await store.takeTicket(labTake(n));
    await store.reserveSerial(labIntent(n, { notAfter }), labTake(n).ticketId, labEvent());
    await store.recordIssued(labIssued(n, { notAfter }), labJoin(n), labEvent());
  };

  describe('of a census,', () => {
    test('counts nothing where there is nothing', async () => {
      expect(await current().store.takeCensus(NOON, [HOUR_MS])).toEqual({
        nodes: [],
        certificates: [0, 0],
        candidatesWaiting: 0,
        auditSequence: 0,
      });
    });

    test('counts nodes by state and connectivity, and retired ones not at all', async () => {
      const { store, setNodeState } = current();
      await enrol(1, 2, 3, 4);
      await setNodeState(labNodeId(3), 'barred');
      await setNodeState(labNodeId(4), 'retired');
      const contact = { ...NEVER_SEEN, connectivity: 'lost', connectivitySince: NOON } as const;
      await store.recordContacts([{ nodeId: labNodeId(2), contact, address: undefined, events: [labEvent()] }]);
      const { nodes } = await store.takeCensus(NOON, []);
      expect(
        nodes.toSorted((a, b) => `${a.state} ${a.connectivity}`.localeCompare(`${b.state} ${b.connectivity}`)),
      ).toEqual([
        { state: 'barred', connectivity: 'never-seen', count: 1 },
        { state: 'enrolled', connectivity: 'lost', count: 1 },
        { state: 'enrolled', connectivity: 'never-seen', count: 1 },
      ]);
    });

    test('counts good certificates by the time that is left, each once', async () => {
      await enrol(1, 2, 3, 4, 5);
      await issue(1, afterNoon(600));
      await issue(2, afterNoon(3_600));
      await issue(3, afterNoon(3_601));
      await issue(4, afterNoon(90_000));
      const { store } = current();
      await store.takeTicket(labTake(5));
      await store.reserveSerial(labIntent(5, { notAfter: afterNoon(600) }), labTake(5).ticketId, labEvent());
      const horizons = [HOUR_MS, 24 * HOUR_MS];
      expect(await store.takeCensus(NOON, horizons)).toMatchObject({ certificates: [2, 1, 1] });
      expect(await store.takeCensus(afterNoon(600), horizons)).toMatchObject({ certificates: [2, 0, 1] });
    });

    test('counts no certificate that is revoked', async () => {
      const { store } = current();
      await enrol(1);
      await issue(1, afterNoon(600));
      const node = { id: labNodeId(1), event: labEvent({ nodeName: labNodeName(1) }) };
      await store.changeNodes({ change: 'bar', at: NOON, reason: 'keyCompromise', nodes: [node] });
      expect(await store.takeCensus(NOON, [HOUR_MS])).toMatchObject({
        nodes: [{ state: 'barred', count: 1 }],
        certificates: [0, 0],
      });
    });

    test('knows the newest audit record', async () => {
      const { store } = current();
      await store.appendAudit(labEvent());
      await store.appendAudit(labEvent());
      expect(await store.takeCensus(NOON, [])).toMatchObject({ auditSequence: 2 });
    });
  });
}
