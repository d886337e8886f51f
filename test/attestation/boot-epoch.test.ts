import { describe, expect, test } from 'vitest';

import { checkBootEpoch, epochAdvisories } from '#attestation/boot-epoch.ts';
import type { BootEpoch } from '#core/node-record.ts';

const LAST_AT = new Date('2026-11-21T08:00:00Z');
const PASSED_MS = 1_000_000;
const last: BootEpoch = { resetCount: 3, restartCount: 2, clockMs: 5_000_000n };

const compared = (current: Partial<BootEpoch>, lastAt: Date | undefined = LAST_AT) => ({
  last,
  lastAt,
  current: { ...last, clockMs: last.clockMs + BigInt(PASSED_MS), ...current },
  now: new Date(LAST_AT.getTime() + PASSED_MS),
});

describe('a boot epoch', () => {
  test.each<[string, Partial<BootEpoch>, boolean]>([
    ['later by the clock, within one boot', {}, true],
    ['one millisecond later', { clockMs: last.clockMs + 1n }, true],
    ['the same', { clockMs: last.clockMs }, false],
    ['earlier by the clock', { clockMs: last.clockMs - 1n }, false],
    ['after a restart, whatever the clock', { restartCount: 3, clockMs: 0n }, true],
    ['after a reset, whatever the rest', { resetCount: 4, restartCount: 0, clockMs: 0n }, true],
    ['with a lower restart count', { restartCount: 1 }, false],
    ['with a lower reset count and a higher restart count', { resetCount: 2, restartCount: 9 }, false],
  ])('%s', (_, current, isLater) => {
    expect(checkBootEpoch(compared(current)) === undefined).toBe(isLater);
  });

  test('that goes back is shown beside the one it should be later than', () => {
    expect(checkBootEpoch(compared({ resetCount: 2 }))).toMatchObject({
      code: 'boot-epoch-rolled-back',
      expected: 'later than reset 3, restart 2, clock 5000000 ms',
      found: 'reset 2, restart 2, clock 6000000 ms',
    });
  });
});

describe('what is told of a boot epoch that goes forward', () => {
  const told = (current: Partial<BootEpoch>, lastAt?: Date) =>
    epochAdvisories(compared(current, lastAt)).map(({ code }) => code);
  /** A third and a bit of what passed, and ten minutes. */
  const TOLERATED_MS = 350_000n + 600_000n;
  const inTime = last.clockMs + BigInt(PASSED_MS);

  test.each<[string, Partial<BootEpoch>, readonly string[]]>([
    ['a clock that went as fast as ours', {}, []],
    ['a clock as fast as is tolerated', { clockMs: inTime + TOLERATED_MS }, []],
    ['a clock faster by a millisecond', { clockMs: inTime + TOLERATED_MS + 1n }, ['clock-diverged']],
    ['a clock as slow as is tolerated', { clockMs: inTime - TOLERATED_MS }, []],
    ['a clock slower by a millisecond', { clockMs: inTime - TOLERATED_MS - 1n }, ['clock-diverged']],
    ['one reset, after which the clocks are not compared', { resetCount: 4, clockMs: 0n }, []],
    ['two resets', { resetCount: 5, clockMs: 0n }, ['reset-count-jumped']],
  ])('%s', (_, current, codes) => {
    expect(told(current)).toEqual(codes);
  });

  test('nothing of the clock, where no join is on record to count from', () => {
    const since = { ...compared({ clockMs: last.clockMs + 1n }), lastAt: undefined };
    expect(epochAdvisories({ ...since, now: new Date(LAST_AT.getTime() + 86_400_000) })).toEqual([]);
  });
});
