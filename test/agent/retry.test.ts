import { describe, expect, test } from 'vitest';

import { firstDelayMs, startPatience } from '#agent/retry.ts';

/** Patience by a clock that moves when it sleeps, with a random source that always gives the same. */
function patienceOf(totalSeconds: number, randomByte: number) {
  let now = 0;
  const slept: number[] = [];
  const said: string[] = [];
  const deps = {
    elapsedMs: () => now,
    sleep: (ms: number) => {
      now += ms;
      slept.push(ms);
      return Promise.resolve();
    },
    random: (length: number) => Buffer.alloc(length, randomByte),
    progress: (line: string) => void said.push(line),
  };
  const patience = startPatience(deps, totalSeconds);
  return { patience, slept, said, pass: (ms: number) => (now += ms) };
}

describe('patience', () => {
  test('waits a random part of a ceiling that doubles from one second to sixty', async () => {
    const high = patienceOf(100_000, 0xff);
    const middle = patienceOf(100_000, 0x80);
    const low = patienceOf(100_000, 0x00);
    for (let i = 0; i < 8; i++) for (const { patience } of [high, middle, low]) await patience.pause('x');
    expect(high.slept.map((ms) => Math.ceil(ms / 1_000))).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(middle.slept.map((ms) => Math.round(ms / 502))).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(low.slept).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('waits what the service asks, and its random part beyond that', async () => {
    const waits = async (randomByte: number, ...asked: readonly number[]) => {
      const { patience, slept } = patienceOf(1_000, randomByte);
      for (const seconds of asked) await patience.pause('x', seconds);
      return slept.map((ms) => Math.round(ms / 500) / 2);
    };
    expect(await waits(0x00, 30, 1)).toEqual([30, 1]);
    expect(await waits(0x80, 30, 1)).toEqual([37.5, 2]);
    expect(await waits(0xff, 30, 1)).toEqual([45, 3]);
  });

  test('says that there is no more time instead of waiting in vain', async () => {
    const { patience, slept, said } = patienceOf(10, 0x00);
    expect(await patience.pause('x', 11)).toBe(false);
    expect(await patience.pause('x', 10)).toBe(false);
    expect(await patience.pause('x', 9)).toBe(true);
    expect(await patience.pause('x', 1)).toBe(false);
    expect(slept).toEqual([9_000]);
    expect(said).toEqual(['x; asking again in 9 s.']);
  });

  test('counts the time that attempts take', async () => {
    const { patience, pass } = patienceOf(10, 0x00);
    pass(9_999);
    expect(await patience.pause('x')).toBe(true);
    pass(1);
    expect(await patience.pause('x')).toBe(false);
  });
});

describe('the first delay', () => {
  test('spreads nodes over the time given, each always at the same place', () => {
    const delays = Array.from({ length: 1_000 }, (_, i) => firstDelayMs(`worker-${i}`, 10));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(10_000);
    const tenths = Map.groupBy(delays, (ms) => Math.floor(ms / 1_000));
    for (const [, some] of tenths) expect(some.length).toBeGreaterThan(50);
    expect(firstDelayMs('worker-7', 10)).toBe(firstDelayMs('worker-7', 10));
    expect(firstDelayMs('worker-7', 0)).toBe(0);
  });
});
