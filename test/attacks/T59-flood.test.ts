import { describe, expect, test } from 'vitest';

import { joinRatesSchema } from '#services/node-limits.ts';
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
});
