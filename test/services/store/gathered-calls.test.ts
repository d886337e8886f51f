import { describe, expect, test } from 'vitest';

import { gatheredCalls } from '#services/store/sqlite/gathered-calls.ts';

/** Asks at each of these times, and returns how long each had to wait. */
function waitsAt(...times: readonly number[]): readonly number[] {
  let time = 0;
  const waits: number[] = [];
  const gather = gatheredCalls({ now: () => time, after: (ms) => waits.push(ms) });
  for (time of times) gather(() => undefined);
  return waits;
}

describe('calls to the store', () => {
  test('go at once when they are the first for a while', () => {
    expect(waitsAt(0)).toEqual([0]);
    expect(waitsAt(0, 101, 300)).toEqual([0, 0, 0]);
  });

  test('wait for others when others came just before', () => {
    expect(waitsAt(0, 1, 100, 200, 301)).toEqual([0, 5, 5, 5, 0]);
  });

  test('are sent by the system’s timer', async () => {
    const gather = gatheredCalls();
    const sent: number[] = [];
    await Promise.all([1, 2].map((n) => new Promise<void>((resolve) => gather(() => resolve(void sent.push(n))))));
    expect(sent).toEqual([1, 2]);
  });
});
