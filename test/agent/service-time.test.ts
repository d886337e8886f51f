import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { explainError } from '#agent/explain.ts';
import { assertClockServes, blameClock, ClockOffError, renderSkew } from '#agent/service-time.ts';
import { systemClock } from '#core/clock.ts';
import { LAB_NOW } from '#test/lab/node-ca.ts';

import { type FakeJoinService, startFakeJoinService } from './fake-join-service.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const off = (seconds: number): Date => new Date(LAB_NOW.getTime() + seconds * 1_000);

function serves(theirs: Date | undefined, ours: Date): boolean {
  try {
    assertClockServes(theirs, ours);
    return true;
  } catch (error) {
    if (error instanceof ClockOffError) return false;
    throw error;
  }
}

describe('a clock', () => {
  test.each([
    [0, true],
    [-600, true],
    [-601, false],
    [600, true],
    [DAY, true],
    [DAY + 1, false],
    [-365 * DAY, false],
    [365 * DAY, false],
  ])('that is off by %i s is good enough for a join: %s', (seconds, isGood) => {
    expect(serves(LAB_NOW, off(seconds))).toBe(isGood);
    expect(serves(undefined, off(seconds))).toBe(true);
  });

  test.each([
    [-90, '90 s behind'],
    [3 * HOUR, '3 h ahead of'],
    [-365 * DAY, '365 days behind'],
  ])('that is off by %i s is said to be %s the service’s', (seconds, words) => {
    expect(renderSkew(LAB_NOW, off(seconds))).toBe(words);
  });

  test('that is off by a year is one sentence, with what to do', () => {
    const { message, exitCode } = explainError(new ClockOffError(LAB_NOW, off(-365 * DAY)));
    expect(message).toContain('clock is off, 365 days behind the service’s');
    expect(message).toContain('synchronise it (NTP)');
    expect(exitCode).toBe(75);
  });
});

describe('a certificate of the service that is not valid by this machine’s clock', () => {
  let service: FakeJoinService;
  beforeAll(async () => {
    service = await startFakeJoinService();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const blame = (code: string, seconds: number) => {
    const now = () => new Date(systemClock().getTime() + seconds * 1_000);
    return blameClock(Object.assign(new Error(code), { code }), service.url, service.caPem, now);
  };

  test('is the clock’s fault where the service’s clock says so', async () => {
    await expect(blame('CERT_NOT_YET_VALID', -365 * DAY)).rejects.toThrow(ClockOffError);
    await expect(blame('CERT_HAS_EXPIRED', 365 * DAY)).rejects.toThrow('365 days ahead of');
  });

  test('is the service’s fault where the clocks agree', async () => {
    expect(await blame('CERT_HAS_EXPIRED', 0)).toContain('clock is not to blame');
  });

  test('is the clock’s fault by how much, where it is off by no more than is tolerated', async () => {
    // A service's certificate that is younger than that is not valid yet.
    expect(await blame('CERT_NOT_YET_VALID', -590)).toMatch(/clock, which is 5(?:89|90|91) s behind the service’s$/);
  });

  test('is looked into for no other error', async () => {
    expect(await blame('SELF_SIGNED_CERT_IN_CHAIN', -365 * DAY)).toBeUndefined();
  });
});
