import { existsSync, readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { CHECK_PROOFS } from '#scripts/check-proofs.ts';

/** To run them takes an hour; that each still says what it takes out, and who must notice, is seen at once. */
describe('the table of checks that can be taken out', () => {
  test('names each check by a text that stands in its file once', () => {
    const stale = CHECK_PROOFS.filter(({ file, check }) => readFileSync(file, 'utf8').split(check).length !== 2);
    expect(stale.map(({ file, removes }) => `${file}: ${removes}`)).toEqual([]);
  });

  test('names tests that exist', () => {
    const lost = CHECK_PROOFS.filter((row) => !existsSync(row.test));
    expect(lost.map((row) => `${row.test}: ${row.removes}`)).toEqual([]);
  });
});
