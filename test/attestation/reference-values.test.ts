import { describe, expect, test } from 'vitest';

import { matchReferenceValues, type ReferenceValues } from '#attestation/reference-values.ts';

const set = (name: string, ...values: readonly string[]): ReferenceValues => ({
  name,
  bank: 'sha256',
  pcrs: new Map(values.map((value, pcr) => [pcr, value])),
  notBefore: undefined,
  expires: undefined,
  retired: false,
});
const NOW = new Date('2026-11-21T12:00:00Z');
const match = (pcrs: ReadonlyMap<number, string>, sets: readonly ReferenceValues[]) =>
  matchReferenceValues(pcrs, sets, NOW);
const found = new Map([
  [0, 'aa'],
  [1, 'bb'],
  [2, 'cc'],
]);

describe('matching reference values', () => {
  test('a set matches whole', () => {
    expect(match(found, [set('old', 'aa', 'bb', '00'), set('new', 'aa', 'bb', 'cc')])).toEqual({
      kind: 'match',
      name: 'new',
    });
  });

  test('halves of two sets are no match', () => {
    const outcome = match(found, [set('old', 'aa', '00', 'cc'), set('new', '00', 'bb', 'cc')]);
    expect(outcome).toMatchObject({ kind: 'mismatch' });
  });

  test('the mismatches are those with the nearest set, all of them', () => {
    const sets = [set('far', '00', '00', 'cc'), set('near', 'aa', 'bb', '00'), set('farthest', '00', '00', '00')];
    expect(match(found, sets)).toEqual({
      kind: 'mismatch',
      nearest: 'near',
      mismatches: [{ pcr: 2, expected: '00', found: 'cc' }],
    });
  });

  test('a PCR in only one of the two is a mismatch', () => {
    expect(match(found, [set('short', 'aa', 'bb')])).toMatchObject({
      mismatches: [{ pcr: 2, expected: undefined, found: 'cc' }],
    });
    expect(match(found, [set('long', 'aa', 'bb', 'cc', 'dd')])).toMatchObject({
      mismatches: [{ pcr: 3, expected: 'dd', found: undefined }],
    });
  });

  test('nothing is known good where there is nothing to compare with', () => {
    expect(match(found, [])).toEqual({ kind: 'no-reference-values' });
    expect(match(new Map(), [set('empty')])).toEqual({ kind: 'no-reference-values' });
  });

  const good = set('good', 'aa', 'bb', 'cc');
  const other = set('other', '00', '00', '00');
  const HOUR = 3_600_000;
  const at = (ms: number): Date => new Date(NOW.getTime() + ms);
  const ROWS: readonly [string, Partial<ReferenceValues>, string][] = [
    ['without bounds', {}, 'match'],
    ['from its first moment on', { notBefore: NOW }, 'match'],
    ['a millisecond early', { notBefore: at(1) }, 'not-yet-valid'],
    ['until its last moment', { expires: at(1) }, 'match'],
    ['at its end', { expires: NOW }, 'expired'],
    ['between both bounds', { notBefore: at(-HOUR), expires: at(HOUR) }, 'match'],
    ['that was retired', { retired: true }, 'retired'],
    ['that was retired and expired', { retired: true, expires: at(-1) }, 'retired'],
    ['whose beginning is no date', { notBefore: new Date(Number.NaN) }, 'not-yet-valid'],
    ['whose end is no date', { expires: new Date(Number.NaN) }, 'expired'],
  ];
  test.each(ROWS)('judges a set %s', (_, change, expected) => {
    const lone = match(found, [{ ...good, ...change }]);
    expect(lone.kind === 'not-in-force' ? lone.standing : lone.kind).toBe(expected);
    const beside = match(found, [other, { ...good, ...change }]);
    expect(beside.kind === 'not-in-force' ? beside.standing : beside.kind).toBe(expected);
  });

  test('several sets may be valid at once, and one that is not takes nothing from the others', () => {
    const sets = [{ ...good, name: 'old', expires: at(-1) }, { ...good, name: 'next', notBefore: at(1) }, good];
    expect(match(found, sets)).toEqual({ kind: 'match', name: 'good' });
  });

  test('a set that is not valid now is not what a node is compared with', () => {
    const near = { ...set('near', 'aa', 'bb', '00'), expires: at(-1) };
    expect(match(found, [near, other])).toMatchObject({ kind: 'mismatch', nearest: 'other' });
  });
});
