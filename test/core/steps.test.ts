import { describe, expect, test } from 'vitest';

import { runInTurns, runToEnd, type Steps } from '#core/steps.ts';

const PARTS = 10;

/** Each part takes 2 ms of the given clock. */
function* count(clock: { ms: number }): Steps<number> {
  let done = 0;
  for (; done < PARTS; done++) {
    clock.ms += 2;
    yield;
  }
  return done;
}

async function turnsOf(sliceMs: number): Promise<{ readonly result: number; readonly turnsAtMs: readonly number[] }> {
  const clock = { ms: 0 };
  const turnsAtMs: number[] = [];
  const turn = async (): Promise<void> => {
    turnsAtMs.push(clock.ms);
    clock.ms += 100;
  };
  return { result: await runInTurns(count(clock), { elapsedMs: () => clock.ms, turn, sliceMs }), turnsAtMs };
}

describe('work in steps', () => {
  test('has the same result in one go and in turns', async () => {
    expect(runToEnd(count({ ms: 0 }))).toBe(PARTS);
    expect((await turnsOf(5)).result).toBe(PARTS);
  });

  test('gives way when a slice is over, and the time of others is not counted', async () => {
    expect((await turnsOf(5)).turnsAtMs).toEqual([6, 112, 218]);
  });

  test('never waits when it is over within a slice', async () => {
    expect((await turnsOf(21)).turnsAtMs).toEqual([]);
  });

  test('fails as the work fails', async () => {
    function* fail(): Steps<never> {
      yield;
      throw new Error('the list is malformed');
    }
    expect(() => runToEnd(fail())).toThrow('the list is malformed');
    const turns = { elapsedMs: () => 0, turn: async () => undefined, sliceMs: 5 };
    await expect(runInTurns(fail(), turns)).rejects.toThrow('the list is malformed');
  });
});
