import { describe, expect, test } from 'vitest';

import { chargeAll, RateLimit } from '#services/http/rate-limit.ts';

/** Three at once, then one in ten seconds. */
const three = (keysMax?: number) => new RateLimit({ burst: 3, perMinute: 6 }, keysMax);
const take = (limit: RateLimit, key: string, nowMs: number) => chargeAll([[limit, key]], nowMs);

describe('a rate limit', () => {
  test('lets a burst through, and then as many as it says', () => {
    const limit = three();
    expect([0, 0, 0, 0].map((nowMs) => take(limit, 'a', nowMs))).toEqual([undefined, undefined, undefined, 10]);
    expect(take(limit, 'a', 9_999)).toBe(1);
    expect(take(limit, 'a', 10_000)).toBeUndefined();
    expect(take(limit, 'a', 10_000)).toBe(10);
  });

  test('says exactly how long to wait: that long is enough, and a second less is not', () => {
    const limit = three();
    for (let request = 0; request < 3; request += 1) take(limit, 'a', 0);
    const seconds = take(limit, 'a', 2_500) ?? Number.NaN;
    expect(seconds).toBe(8);
    expect(take(limit, 'a', 2_500 + (seconds - 1) * 1_000)).toBeDefined();
    expect(take(limit, 'a', 2_500 + seconds * 1_000)).toBeUndefined();
  });

  test('costs a refused caller nothing', () => {
    const limit = three();
    for (let request = 0; request < 100; request += 1) take(limit, 'a', 0);
    expect(take(limit, 'a', 10_000)).toBeUndefined();
  });

  test('counts each key by itself', () => {
    const limit = three();
    for (let request = 0; request < 4; request += 1) take(limit, 'a', 0);
    expect(take(limit, 'b', 0)).toBeUndefined();
  });

  test('forgets a key whose allowance is whole again', () => {
    const limit = three();
    for (let key = 0; key < 100; key += 1) take(limit, `k${key}`, 0);
    expect(limit.size).toBe(100);
    take(limit, 'later', 10_000);
    expect(limit.size).toBe(1);
  });

  test('remembers no more keys than it may, and the latest of them', () => {
    const limit = three(10);
    for (let key = 0; key < 1_000; key += 1) take(limit, `k${key}`, 0);
    expect(limit.size).toBe(10);
    expect(limit.waitMs('k999', 0)).toBe(0);
    for (let request = 0; request < 2; request += 1) take(limit, 'k999', 0);
    expect(take(limit, 'k999', 0)).toBe(10);
  });

  test('charges several limits together or none', () => {
    const [tight, wide] = [new RateLimit({ burst: 1, perMinute: 60 }), three()];
    expect(
      chargeAll(
        [
          [wide, 'a'],
          [tight, 'a'],
        ],
        0,
      ),
    ).toBeUndefined();
    for (let request = 0; request < 10; request += 1)
      expect(
        chargeAll(
          [
            [wide, 'a'],
            [tight, 'a'],
          ],
          0,
        ),
      ).toBe(1);
    expect(take(wide, 'a', 0)).toBeUndefined();
    expect(take(wide, 'a', 0)).toBeUndefined();
    expect(take(wide, 'a', 0)).toBe(10);
  });

  test.each([
    { burst: 0, perMinute: 1 },
    { burst: 1, perMinute: 0 },
    { burst: Number.NaN, perMinute: 1 },
  ])('is never one that admits nothing: %o', (rate) => {
    expect(() => new RateLimit(rate)).toThrow(RangeError);
  });
});
