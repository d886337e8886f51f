import { describe, expect, test } from 'vitest';

import { matchReferenceValues, type ReferenceValues } from '#attestation/reference-values.ts';

const set = (name: string, ...values: readonly string[]): ReferenceValues => ({
  name,
  bank: 'sha256',
  pcrs: new Map(values.map((value, pcr) => [pcr, value])),
});
const found = new Map([
  [0, 'aa'],
  [1, 'bb'],
  [2, 'cc'],
]);

describe('matching reference values', () => {
  test('a set matches whole', () => {
    expect(matchReferenceValues(found, [set('old', 'aa', 'bb', '00'), set('new', 'aa', 'bb', 'cc')])).toEqual({
      kind: 'match',
      name: 'new',
    });
  });

  test('halves of two sets are no match', () => {
    const match = matchReferenceValues(found, [set('old', 'aa', '00', 'cc'), set('new', '00', 'bb', 'cc')]);
    expect(match).toMatchObject({ kind: 'mismatch' });
  });

  test('the mismatches are those with the nearest set, all of them', () => {
    const sets = [set('far', '00', '00', 'cc'), set('near', 'aa', 'bb', '00'), set('farthest', '00', '00', '00')];
    expect(matchReferenceValues(found, sets)).toEqual({
      kind: 'mismatch',
      nearest: 'near',
      mismatches: [{ pcr: 2, expected: '00', found: 'cc' }],
    });
  });

  test('a PCR in only one of the two is a mismatch', () => {
    expect(matchReferenceValues(found, [set('short', 'aa', 'bb')])).toMatchObject({
      mismatches: [{ pcr: 2, expected: undefined, found: 'cc' }],
    });
    expect(matchReferenceValues(found, [set('long', 'aa', 'bb', 'cc', 'dd')])).toMatchObject({
      mismatches: [{ pcr: 3, expected: 'dd', found: undefined }],
    });
  });

  test('nothing is known good where there is nothing to compare with', () => {
    expect(matchReferenceValues(found, [])).toEqual({ kind: 'no-reference-values' });
    expect(matchReferenceValues(new Map(), [set('empty')])).toEqual({ kind: 'no-reference-values' });
  });
});
