import { describe, expect, test } from 'vitest';

import type { Current } from './store.contract.ts';

/** Who leads, and the terms of leaders. */
export function termContract(current: Current): void {
  describe('of leaders,', () => {
    test('counts terms, and gives no number twice', async () => {
      const terms = await Promise.all(Array.from({ length: 5 }, () => current().store.beginTerm()));
      expect(terms.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    });

    test('gives the lock to whoever asks while nobody has it, and again once it was given up', async () => {
      const { store } = current();
      for (let round = 0; round < 2; round += 1) {
        const lock = await store.takeLeaderLock();
        expect(lock?.isHeld()).toBe(true);
        await lock?.[Symbol.asyncDispose]();
        expect(lock?.isHeld()).toBe(false);
        expect(lock?.lost.aborted).toBe(true);
      }
    });
  });
}
