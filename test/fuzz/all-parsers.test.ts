import { expect, test } from 'vitest';

import { fuzzTarget, inputOf, newTally } from '#test/fuzz/engine/run-fuzz.ts';
import { ALL_TARGETS } from '#test/fuzz/targets/all.ts';

/** Inputs of one test run, over all parsers. `npm run fuzz` tries a million. */
const INPUTS = 20_000;
const SEED = 1;
const EACH = Math.ceil(INPUTS / ALL_TARGETS.length);

test.each(ALL_TARGETS.map((target) => [target.name, target] as const))(
  `${EACH} hostile inputs do no harm to the reader of: %s`,
  { timeout: 120_000 },
  (_, target) => {
    const tally = newTally(target);
    fuzzTarget(target, tally, SEED, 0, EACH);
    expect(tally.findings).toEqual([]);
    expect(tally.inputs).toBe(EACH);
  },
);

test.each(ALL_TARGETS.map((target) => [target.name, target] as const))(
  'the inputs for hostile ones are made from are read: %s',
  (_, target) => {
    expect(target.seeds.filter((seed) => seed.byteLength > target.maxBytes)).toEqual([]);
    expect(target.seeds.some((seed) => target.read(seed))).toBe(true);
  },
);

test('an input can be made again without those before it', () => {
  const [target] = ALL_TARGETS;
  if (target === undefined) throw new Error('a target');
  expect(inputOf(target, SEED, 17)).toEqual(inputOf(target, SEED, 17));
  expect(inputOf(target, SEED, 17)).not.toEqual(inputOf(target, SEED + 1, 17));
});
