import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { afterNoon, NOON } from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** The places of those who export the audit log. */
export function auditExportContract(current: Current): void {
  const head = (sequence: number) => ({ sequence, hash: sha256Hex(utf8(`record ${sequence}`)) });
  const move = (destination: string, from: number, to: number, at = NOON) =>
    current().store.moveExportCursor(destination, from, head(to), at);

  describe('of export cursors,', () => {
    test('has none before something was delivered', async () => {
      expect(await current().store.findExportCursor('siem')).toBeUndefined();
    });

    test('keeps where each destination stands, and when it came there', async () => {
      const { store } = current();
      expect(await move('siem', 0, 3)).toBe(true);
      expect(await move('file', 0, 7)).toBe(true);
      expect(await move('siem', 3, 5, afterNoon(60))).toBe(true);
      expect(await store.findExportCursor('siem')).toEqual({ destination: 'siem', ...head(5), movedAt: afterNoon(60) });
      expect(await store.findExportCursor('file')).toEqual({ destination: 'file', ...head(7), movedAt: NOON });
    });

    test.each<[string, number, number]>([
      ['from the beginning again', 0, 9],
      ['from a place before it', 2, 9],
      ['from a place behind it', 8, 9],
    ])('stays where it is when somebody moves it %s', async (_, from, to) => {
      await move('siem', 0, 3);
      expect(await move('siem', from, to)).toBe(false);
      expect(await current().store.findExportCursor('siem')).toMatchObject({ sequence: 3 });
    });

    test('is not made by a move from a place where it never was', async () => {
      expect(await move('siem', 3, 5)).toBe(false);
      expect(await current().store.findExportCursor('siem')).toBeUndefined();
    });

    test('is moved by one of those who move it from the same place at the same moment', async () => {
      await move('siem', 0, 3);
      const outcomes = await Promise.all([4, 5, 6].map((to) => move('siem', 3, to)));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      const first = await Promise.all([4, 5, 6].map((to) => move('new', 0, to)));
      expect(first.filter(Boolean)).toHaveLength(1);
    });

    test.each([3, 2, 0])('never goes from 3 to %i', async (to) => {
      await move('siem', 0, 3);
      await expect(move('siem', 3, to)).rejects.toThrow(RangeError);
    });

    test('adds nothing to the audit log', async () => {
      await move('siem', 0, 3);
      expect(await current().store.auditHead()).toMatchObject({ sequence: 0 });
    });
  });
}
