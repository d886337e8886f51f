import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { BodyBudget } from '#services/http/body-budget.ts';
import { heldBodyBytesSchema, joinRatesSchema } from '#services/config/node-limits.ts';
import { joinLimits } from '#services/join/join-limits.ts';
import { HOME, joinLab, origin } from '#test/lab/join-lab.ts';

/** Requests of one source that are let through within a second. */
const letThrough = (ask: () => number | undefined, requests: number): number =>
  Array.from({ length: requests }, ask).filter((wait) => wait === undefined).length;

describe('T59 a flood', () => {
  test('T59 from one address is cut to its rate, and its neighbour is let through', async () => {
    const lab = await joinLab();
    const limits = joinLimits(joinRatesSchema.parse({}), { policy: lab.deps.policy, elapsedMs: () => 0 });
    expect(letThrough(() => limits.ofSource(origin(HOME)), 12_000)).toBe(5_000);
    expect(limits.ofSource(origin('10.1.2.4'))).toBeUndefined();
  });

  test('T59 from a whole segment leaves the other segments alone', async () => {
    const lab = await joinLab();
    const limits = joinLimits(joinRatesSchema.parse({}), { policy: lab.deps.policy, elapsedMs: () => 0 });
    let host = 0;
    const anyHost = () => origin(`10.1.${(host >> 8) & 255}.${(host += 1) & 255}`);
    expect(letThrough(() => limits.ofSource(anyHost()), 25_000)).toBe(20_000);
    expect(limits.ofSource(origin('10.2.0.1'))).toBeUndefined();
  });

  test('T59 of the largest bodies from one address is refused a fifth of the way, and its neighbour’s join is taken', () => {
    const heldBodyBytes = heldBodyBytesSchema.parse(undefined);
    const budget = new BodyBudget({ totalBytes: heldBodyBytes, random: systemRandom });
    const refusals: string[] = [];
    for (let connection = 0; connection < 2_048; connection += 1) {
      try {
        budget.open(origin(HOME)).take(12_800_000);
      } catch (error) {
        refusals.push(String(error));
      }
    }
    expect(refusals.length).toBeGreaterThanOrEqual(2_044);
    expect(budget.usedBytes).toBeLessThanOrEqual(heldBodyBytes / 5);
    expect(() => budget.open(origin('10.1.2.4')).take(12_800_000)).not.toThrow();
  });
});
