import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';

import { KILL_POINTS } from '#test/lab/kill-points.ts';
import { MODEL_RUNS } from '#test/lab/model-runs.ts';

import type { Model } from './agreement.ts';
import {
  approveStep,
  changeStep,
  heartbeatStep,
  joinStep,
  restartAuthorizerStep,
  restartStep,
  retryStep,
  revokeStep,
  type Step,
  useStep,
  waitStep,
} from './commands.ts';
import { CHANGES, newLife } from './expected.ts';
import { type Machines, machines, NAMES, World } from './world.ts';

/** One history in so many is over SQLite in a file, which a crash closes and a restart opens. */
const IN_A_FILE = 10;

const name = fc.constantFrom(...NAMES);
const back = fc.constantFrom(0, 0, 0, 1, 2);
const between = fc.record({
  point: fc.constantFrom(...KILL_POINTS),
  what: fc.constantFrom('crash' as const, 'crash' as const, ...CHANGES),
});

const join = name.map((one) => joinStep(one, undefined));
const change = fc.tuple(name, fc.constantFrom(...CHANGES)).map(([one, what]) => changeStep(one, what));

/** Drawn alike: what is here more than once comes more often. Most of what goes wrong goes wrong between changes and joins. */
const steps: readonly fc.Arbitrary<Step>[] = [
  join,
  join,
  join,
  change,
  change,
  change,
  fc.tuple(name, between).map(([one, what]) => joinStep(one, what)),
  fc.tuple(name, back).map(([one, which]) => revokeStep(one, which)),
  fc.tuple(name, back).map(([one, which]) => heartbeatStep(one, which)),
  fc.tuple(name, back).map(([one, which]) => useStep(one, which)),
  name.map(approveStep),
  name.map(retryStep),
  fc.constant(restartStep()),
  fc.constant(restartAuthorizerStep()),
  fc.constantFrom(1, 120, 600).map(waitStep),
];

const newModel = (): Model => ({
  lives: new Map(NAMES.map((one, index) => [one, index < NAMES.length - 1 ? [newLife()] : []])),
  last: new Map(),
  used: new Set(),
  crlNumber: 0,
  stoodExpired: new Set(),
});

describe('nodes’ lives, in any order of what happens to them', () => {
  let made: Machines;
  beforeAll(() => {
    made = machines();
  });

  test(
    `inventory, certificates, lists, OCSP, authorizer and audit log agree: ${MODEL_RUNS} histories`,
    { timeout: 60_000 + MODEL_RUNS * 5_000 },
    async () => {
      const history = fc.commands([...steps], { maxCommands: 30, size: '+1' });
      let count = 0;
      await fc.assert(
        fc.asyncProperty(history, async (commands) => {
          count += 1;
          await using world = await World.open(made, count % IN_A_FILE === 0);
          world.audit.push(...(await world.store.readAudit(0, 100)));
          await fc.asyncModelRun(() => ({ model: newModel(), real: world }), commands);
        }),
        { numRuns: MODEL_RUNS },
      );
      expect(count).toBe(MODEL_RUNS);
    },
  );
});
