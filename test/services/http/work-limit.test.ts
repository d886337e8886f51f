import { describe, expect, test } from 'vitest';

import { ProblemError } from '#services/http/problem-error.ts';
import { WorkLimit, type WorkLimitOptions } from '#services/http/work-limit.ts';

/** Timers that run when the test says so. */
function fakeTimers() {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  return {
    pending: () => timers.size,
    elapsedMs: () => nowMs,
    after: (ms: number, callback: () => void) => {
      const timer = { atMs: nowMs + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (ms: number) => {
      nowMs += ms;
      for (const timer of timers) {
        if (timer.atMs > nowMs) continue;
        timers.delete(timer);
        timer.callback();
      }
    },
  };
}

/** Some turns of the event loop: enough for what is ready to begin or to end. */
async function settle(turns = 4): Promise<void> {
  for (let count = 0; count < turns; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

function lab(override: Partial<WorkLimitOptions> = {}, random = 0x80) {
  const timers = fakeTimers();
  const options = { running: 2, waiting: 2, waitMs: 5_000, runMs: 20_000, ...override };
  const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const limit = new WorkLimit(options, { ...timers, turn, random: (length) => Buffer.alloc(length, random) });
  const begun: PromiseWithResolvers<string>[] = [];
  const submit = () => {
    const outcome = limit.run(() => {
      const work = Promise.withResolvers<string>();
      begun.push(work);
      return work.promise;
    });
    return outcome.catch((error: unknown) => {
      if (!(error instanceof ProblemError)) throw error;
      return `${error.problem} ${error.details.retryAfterSeconds}`;
    });
  };
  return { limit, timers, begun, submit };
}

describe('a bound on work', () => {
  test('runs so many at the same time, and the others in the order they came', async () => {
    const { limit, begun, submit } = lab();
    const outcomes = [submit(), submit(), submit(), submit()];
    await settle();
    expect(begun).toHaveLength(2);
    expect(limit.load).toEqual({ running: 2, waiting: 2 });
    begun[1]?.resolve('second');
    await settle();
    expect(begun).toHaveLength(3);
    begun[2]?.resolve('third');
    await settle();
    begun[0]?.resolve('first');
    begun[3]?.resolve('fourth');
    expect(await Promise.all(outcomes)).toEqual(['first', 'second', 'third', 'fourth']);
    await settle();
    expect(limit.load).toEqual({ running: 0, waiting: 0 });
  });

  test('refuses at once what may not even wait, with a time to come back', async () => {
    const { limit, submit } = lab();
    for (let work = 0; work < 4; work += 1) void submit();
    expect(await submit()).toMatch(/^overloaded [1-9][0-9]*$/);
    expect(limit.load).toEqual({ running: 2, waiting: 2 });
  });

  test('refuses what has waited too long, and never begins it', async () => {
    const { limit, timers, begun, submit } = lab({ running: 1 });
    void submit();
    const waiting = submit();
    await settle();
    timers.advance(5_000);
    expect(await waiting).toMatch(/^overloaded/);
    begun[0]?.resolve('first');
    await settle();
    expect(begun).toHaveLength(1);
    expect(limit.load).toEqual({ running: 0, waiting: 0 });
  });

  test('answers for what runs too long, which keeps its place until it has ended', async () => {
    const { limit, timers, begun, submit } = lab({ running: 1, waiting: 0 });
    const slow = submit();
    await settle();
    timers.advance(20_000);
    expect(await slow).toMatch(/^overloaded/);
    expect(await submit()).toMatch(/^overloaded/);
    begun[0]?.resolve('late');
    await settle();
    expect(limit.load).toEqual({ running: 0, waiting: 0 });
  });

  test('frees the place of work that fails', async () => {
    const { limit, begun, submit } = lab({ running: 1 });
    const failing = submit();
    await settle();
    begun[0]?.reject(new Error('a fault'));
    await expect(failing).rejects.toThrow('a fault');
    await settle();
    expect(limit.load).toEqual({ running: 0, waiting: 0 });
  });

  test('leaves no timer behind', async () => {
    const { timers, begun, submit } = lab({ running: 1 });
    const outcomes = [submit(), submit()];
    await settle();
    begun[0]?.resolve('a');
    await settle();
    begun[1]?.resolve('b');
    await Promise.all(outcomes);
    await settle();
    expect(timers.pending()).toBe(0);
  });

  test('spreads those that it refuses by a random factor from 0.5 to 1.5 of the queue’s time', async () => {
    const wait = async (random: number) => {
      const { timers, begun, submit } = lab({ running: 1, waiting: 0 }, random);
      // Work of 100 s: the mean moves a fifth of the way there.
      const first = submit();
      await settle();
      timers.advance(100_000);
      begun[0]?.resolve('a');
      await first;
      await settle();
      void submit();
      return Number((await submit()).replace('overloaded ', ''));
    };
    const [least, most] = [await wait(0), await wait(0xff)];
    expect(least).toBe(11);
    expect(most).toBe(31);
  });

  test('lets other sockets have their turn between two pieces of work', async () => {
    const { submit, begun } = lab({ running: 1, waiting: 100 });
    let turns = 0;
    const order: number[] = [];
    const outcomes = Array.from({ length: 10 }, () => submit());
    for (let round = 0; round < 100 && order.length < 10; round += 1) {
      await settle(1);
      turns += 1;
      begun.splice(0).forEach((work) => {
        order.push(turns);
        work.resolve('done');
      });
    }
    await Promise.all(outcomes);
    expect(new Set(order).size).toBe(10);
  });
});
