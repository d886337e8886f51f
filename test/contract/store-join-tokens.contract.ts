import { describe, expect, test } from 'vitest';

import { toHex, utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { afterNoon, labEnrolment, labEvent, labNodeName, NOON } from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** Join tokens, and the nodes without a TPM that they enrol. */
export function joinTokenContract(current: Current): void {
  const event = labEvent({ type: 'token.created', nodeName: labNodeName(1) });
  const enrolment = labEnrolment(1, { ekCertificate: undefined, measurementSpki: utf8('a key') });
  const make = async (): Promise<string> => {
    const id = toHex(systemRandom(8));
    const { name: nodeName, pool } = enrolment;
    const secretHash = sha256Hex(utf8(id));
    const token = { id, secretHash, nodeName, pool, createdAt: NOON, createdBy: 'alice', expiresAt: afterNoon(60) };
    await current().store.createJoinToken(token, event);
    return id;
  };
  const redeem = (id: string, at = NOON) =>
    current().store.redeemJoinToken({ id, at, enrolment, by: 'a token', event });

  describe('of join tokens,', () => {
    test('redeems one once, and enrols the node with its key', async () => {
      const id = await make();
      expect(await redeem(id)).toEqual({ kind: 'redeemed' });
      expect(await redeem(id)).toEqual({ kind: 'conflict', conflict: 'name-taken' });
      const node = await current().store.findNodeByName(labNodeName(1));
      expect(node).toMatchObject({ state: 'enrolled', measurementKey: { generations: { newestUsed: false } } });
      expect(await current().store.findJoinToken(id)).toMatchObject({ redeemedKey: enrolment.ekFingerprint });
    });

    test('redeems none that has expired, was revoked, or never was', async () => {
      expect(await redeem(await make(), afterNoon(60))).toEqual({ kind: 'not-redeemable' });
      const id = await make();
      expect(await current().store.revokeJoinToken(id, 'alice', NOON, event)).toBe(true);
      expect(await current().store.revokeJoinToken(id, 'alice', NOON, event)).toBe(false);
      expect([await redeem(id), await redeem('0000000000000000')]).toEqual([
        { kind: 'not-redeemable' },
        { kind: 'not-redeemable' },
      ]);
      expect(await current().store.findNodeByName(labNodeName(1))).toBeUndefined();
    });

    test('knows no generation of a node with a TPM, and a wrong one of a node without', async () => {
      const { store } = current();
      await store.enrolNodes([labEnrolment(2)], 'alice', NOON, []);
      const shown = certificateFingerprint(utf8('a certificate'));
      expect(await store.showGeneration(labEnrolment(2).id, shown)).toBeUndefined();
      await redeem(await make());
      expect(await store.showGeneration(enrolment.id, shown)).toBe('conflict');
    });
  });
}
