import { describe, expect, test } from 'vitest';

import { readOptions } from '#scripts/soak/options.ts';

describe('the soak’s command line', () => {
  test('means ten minutes of fifty joins a second to three replicas where it says nothing', () => {
    expect(readOptions([])).toEqual({ minutes: 10, rate: 50, replicas: 3, output: 'table', disk: undefined });
  });

  test('takes numbers and a form', () => {
    const words = ['--minutes', '2', '--rate', '25', '--replicas', '2', '-o', 'json'];
    expect(readOptions(words)).toMatchObject({ minutes: 2, rate: 25, replicas: 2, output: 'json' });
  });

  test.each([
    ['minutes that are none', ['--minutes', '0']],
    ['a rate that is no whole number', ['--rate', '2.5']],
    ['one replica, which nothing could be killed beside', ['--replicas', '1']],
    ['another form', ['-o', 'yaml']],
    ['an option that there is not', ['--hours', '1']],
    ['a word too many', ['ten']],
  ])('is wrong with %s', (_, words) => {
    expect(readOptions(words)).toBeUndefined();
  });
});
