import { describe, expect, test } from 'vitest';

import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { joinRatesSchema } from '#services/config/node-limits.ts';
import type { Answer } from '#services/http/route.ts';
import { joinLimits, limitRoutes } from '#services/join/join-limits.ts';
import { joinRoutes } from '#services/join/routes.ts';
import { answerOf, askChallenge, challengeFor, HOME, joinLab, origin, submit, told } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const ONE = { burst: 1, perMinute: 60 };
const MANY = { burst: 1_000, perMinute: 60_000 };

async function limitsLab(override: object = {}) {
  const lab = await joinLab();
  const clock = { ms: 0 };
  const rates = { perSegment: MANY, perAddress: MANY, perEk: MANY, ...override };
  const limits = joinLimits(rates, { policy: lab.deps.policy, elapsedMs: () => clock.ms });
  return { lab: { ...lab, deps: { ...lab.deps, limits } }, limits, clock };
}

describe('requests are counted', () => {
  test('by address', async () => {
    const { limits, clock } = await limitsLab({ perAddress: ONE });
    const of = (address: string) => limits.ofSource(origin(address));
    expect([of('10.1.0.1'), of('10.1.0.1'), of('10.1.0.2')]).toEqual([undefined, 1, undefined]);
    clock.ms = 1_000;
    expect(of('10.1.0.1')).toBeUndefined();
  });

  test.each([
    ['fd00:1:2:3::1', 'fd00:1:2:3:ffff:ffff:ffff:ffff', 1],
    ['fd00:1:2:3::1', 'fd00:1:2:4::1', undefined],
    ['fd00::1', 'fd00:0:0:1::1', undefined],
    ['fd00::1', 'fd00::2:0:0:1', 1],
    ['::1', '::2', 1],
  ])('of IPv6 by /64: %s, then %s', async (first, second, wait) => {
    const { limits } = await limitsLab({ perAddress: ONE });
    expect(limits.ofSource(origin(first))).toBeUndefined();
    expect(limits.ofSource(origin(second))).toBe(wait);
  });

  test('by segment, so that one that floods leaves the others alone', async () => {
    const { limits } = await limitsLab({ perSegment: ONE });
    expect(limits.ofSource(origin('10.1.0.1'))).toBeUndefined();
    expect(limits.ofSource(origin('10.1.0.2'))).toBe(1);
    expect(limits.ofSource(origin('10.2.0.1'))).toBeUndefined();
  });

  test('all together where they come from no segment', async () => {
    const { limits } = await limitsLab({ perSegment: ONE });
    expect(limits.ofSource(origin('192.0.2.1'))).toBeUndefined();
    expect(limits.ofSource(origin('198.51.100.1'))).toBe(1);
    expect(limits.ofSource(undefined)).toBe(1);
  });

  test('by EK, and a stranger elsewhere who shows it uses up nobody else’s allowance', async () => {
    const { lab, limits } = await limitsLab({ perEk: ONE });
    const { ekFingerprint } = lab.tpm;
    expect(limits.ofEk(ekFingerprint, origin('10.1.0.9'))).toBeUndefined();
    expect(limits.ofEk(ekFingerprint, origin('10.1.0.9'))).toBe(1);
    expect(limits.ofEk(ekFingerprint, origin(HOME))).toBeUndefined();
    expect(limits.ofEk(labTpm().ekFingerprint, origin(HOME))).toBeUndefined();
  });
});

test('2,000 machines behind one NAT start at once, and none is turned away', async () => {
  const lab = await joinLab();
  const limits = joinLimits(joinRatesSchema.parse({}), { policy: lab.deps.policy, elapsedMs: () => 0 });
  const refused = Array.from({ length: 4_000 }, () => limits.ofSource(origin(HOME))).filter(
    (wait) => wait !== undefined,
  );
  expect(refused).toEqual([]);
});

describe('a request too many', () => {
  test('for an EK gets no challenge, at no cost to anybody', async () => {
    const { lab } = await limitsLab({ perEk: ONE });
    expect(told(await askChallenge(lab))).toBe('ok');
    const before = await lab.store.auditHead();
    expect(await askChallenge(lab)).toEqual({ ok: false, problem: 'rate-limited', retryAfterSeconds: 1 });
    expect(await lab.store.auditHead()).toEqual(before);
  });

  test('to join does not spend its ticket: sent again in time it succeeds', async () => {
    const { lab, clock } = await limitsLab({ perEk: ONE });
    const request = answerOf(await challengeFor(lab), lab.tpm);
    expect(await submit(lab, request)).toEqual({ ok: false, problem: 'rate-limited', retryAfterSeconds: 1 });
    clock.ms = 1_000;
    expect(told(await submit(lab, request))).toBe('ok');
  });

  test('from a source is refused before its body is read', async () => {
    const { lab, limits } = await limitsLab({ perAddress: ONE });
    const [challenges] = limitRoutes(
      joinRoutes({ ...lab.deps, limits: { ...limits, ofSource: () => undefined } }),
      limits,
    );
    let bodies = 0;
    const send = (): Promise<Answer> | undefined =>
      challenges?.run({
        caller: 'anonymous',
        params: {},
        queryString: '',
        requestId: newRequestId(systemRandom),
        origin: origin(HOME),
        hasBody: true,
        header: () => undefined,
        readBody: () => {
          bodies += 1;
          return Promise.reject(new Error('read'));
        },
      });
    await expect(send()).rejects.toThrow('read');
    expect(await send()).toEqual({ problem: 'rate-limited', retryAfterSeconds: 1 });
    expect(bodies).toBe(1);
  });
});
