import { expect, test } from 'vitest';

import { newNodeId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { renewAt } from '#services/join/renew-at.ts';

const notBefore = new Date('2026-11-21T10:00:00Z');
const lifetime = (seconds: number) => ({ notBefore, notAfter: new Date(notBefore.getTime() + (seconds - 1) * 1_000) });
const share = (seconds: number, at: Date): number => (at.getTime() - notBefore.getTime()) / 1_000 / seconds;

test('a node renews at the same share of every certificate’s life', () => {
  const id = newNodeId(systemRandom);
  expect(renewAt(id, lifetime(28_800))).toEqual(renewAt(id, lifetime(28_800)));
  expect(share(900, renewAt(id, lifetime(900)))).toBeCloseTo(share(86_400, renewAt(id, lifetime(86_400))), 2);
});

test('nodes renew between 50 and 70 % of life, spread evenly', () => {
  const shares = Array.from({ length: 2_000 }, () => share(28_800, renewAt(newNodeId(systemRandom), lifetime(28_800))));
  expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.4999);
  expect(Math.max(...shares)).toBeLessThanOrEqual(0.7);
  for (let lower = 0.5; lower < 0.699; lower += 0.02) {
    const inBand = shares.filter((value) => value >= lower && value < lower + 0.02).length;
    expect(inBand).toBeGreaterThan(120);
    expect(inBand).toBeLessThan(290);
  }
});
