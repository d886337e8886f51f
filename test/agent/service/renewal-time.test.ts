import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { renewalTime } from '#agent/service/renewal-time.ts';
import { newNodeId, type NodeName } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { renewAt } from '#services/join/renew-at.ts';

const HOUR = 3_600_000;
const at = (hours: number): Date => new Date(Date.UTC(2026, 10, 21) + hours * HOUR);
const life = { notBefore: at(0), notAfter: at(10) };
const name = 'worker-7' as NodeName;

describe('the time to attest again', () => {
  test.each<[string, Date | undefined, Date]>([
    ['what the service says, in the span', at(6), at(6)],
    ['the span’s begin, for a service that says sooner', at(1), at(5)],
    ['the span’s begin, for a time before the certificate', at(-1_000), at(5)],
    ['the span’s end, for a service that says later', at(9), at(7)],
    ['the span’s end, for a time after the certificate', at(1_000), at(7)],
  ])('is %s', (_what, said, expected) => {
    expect(renewalTime(life, name, said)).toEqual(expected);
  });

  test('is the node’s own where the service says nothing that is a time', () => {
    expect(renewalTime(life, name, new Date(Number.NaN))).toEqual(renewalTime(life, name));
  });

  test('is in the span for every node and life, and spreads nodes over it', () => {
    const times = Array.from({ length: 1_000 }, (_, i) => renewalTime(life, `worker-${i}` as NodeName).getTime());
    expect(Math.min(...times)).toBeGreaterThanOrEqual(at(5).getTime());
    expect(Math.max(...times)).toBeLessThanOrEqual(at(7).getTime());
    const tenths = Map.groupBy(times, (ms) => Math.floor((ms - at(5).getTime()) / (HOUR / 5)));
    for (const [, some] of tenths) expect(some.length).toBeGreaterThan(50);
  });

  test('is what a service of this version names, for any life', () => {
    fc.assert(
      fc.property(fc.integer({ min: 900, max: 86_400 }), (seconds) => {
        const notAfter = new Date(life.notBefore.getTime() + seconds * 1_000);
        const said = renewAt(newNodeId(systemRandom), { notBefore: life.notBefore, notAfter });
        // The service counts a certificate's last second as part of its life, and rounds.
        const got = renewalTime({ notBefore: life.notBefore, notAfter }, name, said);
        expect(Math.abs(got.getTime() - said.getTime())).toBeLessThanOrEqual(1_000);
      }),
    );
  });
});
