import { describe, expect, test } from 'vitest';

import { findThreatFaults } from '#scripts/check-threats.ts';

const MODEL = '| T-01 | replay | nonce | `a.ts` |\n| T-02 | interposer | Accepted risk: physical access |\n';
const REPLAY = { name: 'T-01-replay.test.ts', text: "test('T-01 refuses a replayed quote', () => {});" };

describe('threats and attack tests', () => {
  test('agree when each threat has a test or an accepted-risk note', () => {
    expect(findThreatFaults(MODEL, [REPLAY])).toEqual([]);
  });

  test.each([
    ['a threat without a test', MODEL, []],
    ['a model without threats', '# Threats', []],
    ['a threat listed twice', `${MODEL}| T-01 | again |\n`, [REPLAY]],
    [
      'a test about an unlisted threat',
      MODEL,
      [REPLAY, { name: 'T-03-x.test.ts', text: "describe('T-03 x', () => {});" }],
    ],
    ['a test file without a threat', MODEL, [REPLAY, { name: 'x.test.ts', text: "test('x', () => {});" }]],
    [
      'a file named for another threat than its titles',
      `${MODEL}| T-03 | x |\n`,
      [REPLAY, { name: 'T-01-y.test.ts', text: "test('T-03 y', () => {});" }],
    ],
  ])('fail with one fault for %s', (_, model, tests) => {
    expect(findThreatFaults(model, tests)).toHaveLength(1);
  });

  test('are known by either spelling, several to a title', () => {
    const short = { name: 'T01-replay.test.ts', text: "describe('T01 T03 a replayed quote', () => {});" };
    expect(findThreatFaults(`${MODEL}| T-03 | x |\n`, [short])).toEqual([]);
  });

  test('may have tests beside them that another list numbers, if their titles say so', () => {
    const good = { name: 'A03-one-ticket.test.ts', text: "describe('A03 one ticket', () => {});" };
    const bad = { name: 'X02-flips.test.ts', text: "describe('A03 one ticket', () => {});" };
    expect(findThreatFaults(MODEL, [REPLAY, good])).toEqual([]);
    expect(findThreatFaults(MODEL, [REPLAY, good, bad])).toHaveLength(1);
  });

  test('are found in table tests too', () => {
    const table = {
      name: 'T-01-replay.test.ts',
      text: "test.each([\n  ['a', (b)],\n  ['T-02', c(d)],\n])('T-01 refuses %s', () => {});",
    };
    expect(findThreatFaults(MODEL, [table])).toEqual([]);
  });
});
