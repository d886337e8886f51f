import { describe, expect, test } from 'vitest';

import { matchesGlob } from '#services/admin/name-glob.ts';

describe('a name’s pattern', () => {
  test.for<[string, string, boolean]>([
    ['worker-7', 'worker-7', true],
    ['worker-7', 'worker-77', false],
    ['worker-7', 'worker-', false],
    ['worker-*', 'worker-7', true],
    ['worker-*', 'worker-', true],
    ['worker-*', 'edge-7', false],
    ['*', 'anything', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['worker-?', 'worker-7', true],
    ['worker-?', 'worker-', false],
    ['worker-?', 'worker-77', false],
    ['*-7', 'worker-7-7', true],
    ['*-7', 'worker-7-8', false],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'aXcYb', false],
    ['w.rker', 'worker', false],
    ['**7**', 'worker-7', true],
  ])('%s matches %s: %s', ([glob, name, matches]) => {
    expect(matchesGlob(glob, name)).toBe(matches);
  });

  test('takes no long time, whatever it is', () => {
    expect(matchesGlob(`${'a*'.repeat(100)}b`, 'a'.repeat(253))).toBe(false);
  });
});
