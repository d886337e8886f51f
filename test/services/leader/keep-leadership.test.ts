import { describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { keepLeadership, type Leadership, type LeadershipDeps, type Term } from '#services/leader/keep-leadership.ts';
import type { LeaderLock } from '#services/store/leader-lock.ts';

/** One lock, for as many stores as contend for it, and the terms that they share. */
class LabLock {
  holder: AbortController | undefined;
  unavailable = false;
  #term = 0;

  store(): LeadershipDeps['store'] {
    return {
      failure: new AbortController().signal,
      beginTerm: () => Promise.resolve((this.#term += 1)),
      takeLeaderLock: () => {
        if (this.unavailable) return Promise.reject(new DependencyError('store', 'away'));
        if (this.holder !== undefined) return Promise.resolve(undefined);
        return Promise.resolve(this.#give());
      },
    };
  }

  /** As a connection that is cut. */
  cut(): void {
    this.holder?.abort();
    this.holder = undefined;
  }

  #give(): LeaderLock {
    const held = new AbortController();
    this.holder = held;
    return {
      isHeld: () => !held.signal.aborted,
      lost: held.signal,
      [Symbol.asyncDispose]: () => {
        if (this.holder === held) this.holder = undefined;
        held.abort();
        return Promise.resolve();
      },
    };
  }
}

const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((settled) => setImmediate(settled));
};

function contend(lock: LabLock): { leadership: Promise<Leadership>; said: string[] } {
  const said: string[] = [];
  const say = (_: object, message: string): void => void said.push(message);
  const pause: LeadershipDeps['pause'] = () => turns(2);
  return {
    said,
    leadership: keepLeadership({ store: lock.store(), pause, log: { info: say, warn: say, error: say } }),
  };
}

describe('the leadership over a store', () => {
  test('is there at once for a process that has the store alone', async () => {
    await using leadership = await contend(new LabLock()).leadership;
    expect(leadership.term()?.number).toBe(1);
  });

  test('is one process’s at a time, and the next one’s when that one ends', async () => {
    const lock = new LabLock();
    const one = await contend(lock).leadership;
    await using other = await contend(lock).leadership;
    await turns();
    expect([one.term()?.number, other.term()]).toEqual([1, undefined]);
    await one[Symbol.asyncDispose]();
    await turns();
    expect([one.term(), other.term()?.number]).toEqual([undefined, 2]);
  });

  test('ends with the lock, and begins again in a term of its own', async () => {
    const lock = new LabLock();
    const { leadership, said } = contend(lock);
    await using leading = await leadership;
    const first = leading.term();
    lock.cut();
    expect(first?.ended.aborted).toBe(true);
    expect(leading.term()).toBeUndefined();
    await turns();
    expect(leading.term()?.number).toBe(2);
    expect(said).toEqual(['this process leads', 'this process leads no longer', 'this process leads']);
  });

  test('is nobody’s while the store does not answer, which is said once', async () => {
    const lock = new LabLock();
    lock.unavailable = true;
    const { leadership, said } = contend(lock);
    await using waiting = await leadership;
    await turns();
    expect(waiting.term()).toBeUndefined();
    expect(said).toEqual(['who leads is not known']);
    lock.unavailable = false;
    await turns();
    expect(waiting.term()?.number).toBe(1);
  });

  test('is given back where its term could not be begun', async () => {
    const lock = new LabLock();
    const store = { ...lock.store(), beginTerm: () => Promise.reject(new DependencyError('store', 'away')) };
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    await using leadership = await keepLeadership({ store, pause: () => turns(2), log });
    expect(leadership.term()).toBeUndefined();
    expect(lock.holder).toBeUndefined();
  });
});

describe('a duty of the leader', () => {
  test('is done by the leader alone, and by the next one from the begin of its term', async () => {
    const lock = new LabLock();
    const one = await contend(lock).leadership;
    await using other = await contend(lock).leadership;
    const done: string[] = [];
    const duty = (who: string) => ({
      name: 'a duty',
      everyMs: 10,
      run: ({ number }: Term) => Promise.resolve(void done.push(`${who} in term ${number}`)),
    });
    const ofOne = one.regularly(duty('one'));
    await using _ = other.regularly(duty('other'));
    await turns();
    expect(new Set(done)).toEqual(new Set(['one in term 1']));
    await ofOne[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
    done.splice(0);
    await turns();
    expect(new Set(done)).toEqual(new Set(['other in term 2']));
  });

  test('is tried again after it failed', async () => {
    const { leadership, said } = contend(new LabLock());
    await using leading = await leadership;
    let runs = 0;
    const run = (): Promise<void> => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('not now')) : Promise.resolve();
    };
    await using _ = leading.regularly({ name: 'a duty', everyMs: 10, run });
    await turns();
    expect(runs).toBeGreaterThan(1);
    expect(said.filter((one) => one === 'a duty of the leader was not done')).toHaveLength(1);
  });

  test('is told that its term ended, and waited for when the process ends', async () => {
    const lock = new LabLock();
    await using leading = await contend(lock).leadership;
    let isOver = false;
    const run = async ({ ended }: Term): Promise<void> => {
      await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
      isOver = true;
    };
    const duty = leading.regularly({ name: 'a duty', everyMs: 10, run });
    await turns();
    lock.holder?.abort();
    await duty[Symbol.asyncDispose]();
    expect(isOver).toBe(true);
  });
});
