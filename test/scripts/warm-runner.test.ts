import { describe, expect, test } from 'vitest';

import { collect, type CollectedTest } from '#scripts/mutation/warm/collected.ts';
import { type MutantCoverage, settleCoverage } from '#scripts/mutation/warm/coverage.ts';
import { TestRuns } from '#scripts/mutation/warm/run-tests.ts';
import * as shim from '#scripts/mutation/warm/vitest-shim.ts';

const ids = (tests: readonly CollectedTest[]): readonly string[] => tests.map(({ id }) => id);
const collected = (declare: () => void) => collect('a.test.ts', () => Promise.resolve(declare()));
const inOrder = (): number => 0;

describe('a test file that is loaded once', () => {
  test('declares its tests under their suites, each under a name of its own', async () => {
    const tests = await collected(() => {
      shim.test('alone', () => undefined);
      shim.describe('outer', () => {
        shim.describe('inner', () => shim.test('first', () => undefined));
        shim.test.each([
          [1, 'a'],
          [2, 'b'],
        ])('row %i', () => undefined);
        shim.test.for(['x', 'x'])('%s', () => undefined);
        shim.test('first', () => undefined);
        shim.test('first', () => undefined);
      });
      shim.test.skipIf(true)('left out', () => undefined);
      shim.describe.skipIf(true)('left out', () => shim.test('too', () => undefined));
    });
    expect(ids(tests)).toEqual([
      'a.test.ts > alone',
      'a.test.ts > outer > inner > first',
      'a.test.ts > outer > 0: row 1 a',
      'a.test.ts > outer > 1: row 2 b',
      'a.test.ts > outer > 0: x',
      'a.test.ts > outer > 1: x',
      'a.test.ts > outer > first',
      'a.test.ts > outer > first (2)',
    ]);
  });

  test('runs them again and again, hooks around them, rows spread or whole', async () => {
    const done: unknown[] = [];
    const did = (what: unknown) => () => void done.push(what);
    const tests = await collected(() => {
      shim.beforeEach(did('before each'));
      shim.describe('suite', () => {
        shim.beforeAll(did('before all'));
        shim.afterAll(did('after all'));
        shim.afterEach(did('after each'));
        shim.test.each([[1, 2]])('spread', (...row: unknown[]) => void done.push(row));
        shim.test.for([[3, 4]])('whole', (row: unknown) => void done.push(row));
        shim.test('finished', () => void shim.onTestFinished(did('finished')));
      });
    });
    const around = (...what: readonly unknown[]) => ['before each', ...what, 'after each'];
    const once = ['before all', ...around([1, 2]), ...around([3, 4]), ...around('finished'), 'after all'];
    const runs = new TestRuns();
    expect(await runs.firstFailure(tests, inOrder)).toBeUndefined();
    expect(await runs.firstFailure(tests, inOrder)).toBeUndefined();
    expect(done).toEqual([...once, ...once]);
  });
});

describe('tests that run until one fails', () => {
  const fails = () => {
    throw new Error('noticed');
  };
  const firstOf = async (declare: () => void, usualMs?: () => number) => {
    const failed = await new TestRuns().firstFailure(await collected(declare), inOrder, usualMs);
    return failed === undefined ? undefined : `${failed.test.id}: ${failed.message}`;
  };

  test.each<[string, () => void, string | undefined]>([
    ['none', () => shim.test('good', () => undefined), undefined],
    ['a test', () => shim.test('bad', fails), 'a.test.ts > bad: Error: noticed'],
    [
      'one that rejects',
      () => shim.test('bad', () => Promise.reject(new Error('late'))),
      'a.test.ts > bad: Error: late',
    ],
    [
      'what is done before each',
      () => {
        shim.beforeEach(fails);
        shim.test('good', () => undefined);
      },
      'a.test.ts > good: Error: noticed',
    ],
    [
      'what is done before all',
      () => {
        shim.beforeAll(fails);
        shim.test('good', () => undefined);
      },
      'a.test.ts > good: Error: noticed',
    ],
  ])('%s', async (_, declare, expected) => {
    expect(await firstOf(declare)).toBe(expected);
    expect(await firstOf(declare, () => 1)).toBe(expected);
  });

  test('the cheapest first', async () => {
    const tests = await collected(() => {
      shim.test('dear', fails);
      shim.test('cheap', fails);
    });
    const failed = await new TestRuns().firstFailure(tests, ({ id }) => (id.endsWith('cheap') ? 1 : 2));
    expect(failed?.test.id).toBe('a.test.ts > cheap');
  });
});

test('an assertion that is polled is asked until it holds', async () => {
  let asked = 0;
  const { expect: assertions } = shim;
  const polled: unknown = Reflect.get(assertions, 'poll')(() => ++asked, { interval: 1 });
  await Reflect.get(Object(polled), 'toBe')(3);
  expect(asked).toBe(3);
});

test('what is reached around tests counts for each of them, and for a test that is left out nothing does', () => {
  const coverage: MutantCoverage = {
    static: { 9: 1 },
    perTest: { around: { 1: 2 }, a: { 1: 1, 2: 1 }, slow: { 3: 1 } },
  };
  const tests = ['a', 'b'].map((id) => ({ id, isLeftOut: false }));
  settleCoverage(coverage, 'around', [...tests, { id: 'slow', isLeftOut: true }]);
  expect(coverage).toEqual({ static: { 9: 1 }, perTest: { a: { 1: 3, 2: 1 }, b: { 1: 2 } } });
});
