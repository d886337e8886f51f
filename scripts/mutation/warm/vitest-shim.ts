import { setTimeout } from 'node:timers/promises';
import { format } from 'node:util';

import { expect as assertOn } from 'vitest';

import { addHook, addSuite, addTest } from './collected.ts';

/**
 * What test files of this tree get for `vitest` in a warm process: the same assertions, and declarations that only collect. Nothing is timed
 * out here, nothing is concurrent, and there are no snapshots and no `vi`.
 */
type Body = (...args: readonly unknown[]) => unknown;
type Declare = (name: string, body: () => unknown) => void;

const finished: Body[] = [];

/** Runs and forgets what the test that ran last wants to be done after it. */
export async function finishTest(): Promise<void> {
  for (const body of finished.splice(0).toReversed()) await body();
}

export const onTestFinished = (body: Body): number => finished.push(body);

const context = { expect: assertOn, onTestFinished };

const isBody = (value: unknown): value is Body => typeof value === 'function';

/** `test` and `describe` take options before or after the body; none of them matters here. */
const bodyOf = (args: readonly unknown[]): Body => args.find(isBody) ?? (() => undefined);

const titleOf = (name: unknown): string => (typeof name === 'function' ? name.name : String(name));

function declarer(declare: Declare, isTest: boolean) {
  const plain = (name: unknown, ...args: readonly unknown[]): void => {
    const body = bodyOf(args);
    declare(titleOf(name), () => (isTest ? body(context) : body()));
  };
  const each =
    (rows: readonly unknown[]) =>
    (name: unknown, ...args: readonly unknown[]): void => {
      for (const [index, row] of rows.entries()) {
        const given = Array.isArray(row) ? row : [row];
        declare(rowTitle(name, index, given), () => bodyOf(args)(...given));
      }
    };
  const perRow =
    (rows: readonly unknown[]) =>
    (name: unknown, ...args: readonly unknown[]): void => {
      for (const [index, row] of rows.entries()) {
        const title = rowTitle(name, index, Array.isArray(row) ? row : [row]);
        declare(title, () => bodyOf(args)(row, context));
      }
    };
  return Object.assign(plain, { each, for: perRow });
}

function rowTitle(name: unknown, index: number, row: readonly unknown[]): string {
  const printable = row.map((value) => (typeof value === 'object' || typeof value === 'function' ? '…' : value));
  return `${index}: ${format(titleOf(name), ...printable)}`;
}

function declarers(declare: Declare, isTest: boolean) {
  const all = declarer(declare, isTest);
  const none = declarer(() => undefined, isTest);
  const skipIf = (condition: unknown) => (condition ? none : all);
  const runIf = (condition: unknown) => (condition ? all : none);
  return Object.assign(all, { concurrent: all, sequential: all, skip: none, todo: none, skipIf, runIf });
}

export const test = declarers(addTest, true);
export const it = test;
export const describe = declarers(addSuite, false);

export const beforeAll = (body: Body): void => addHook('beforeAll', body);
export const afterAll = (body: Body): void => addHook('afterAll', body);
export const beforeEach = (body: Body): void => addHook('beforeEach', body);
export const afterEach = (body: Body): void => addHook('afterEach', body);

/** Asks again until the assertion holds. */
function poll(ask: () => unknown, { timeout = 1_000, interval = 50 } = {}): unknown {
  const attempt =
    (matcher: string | symbol) =>
    async (...args: readonly unknown[]): Promise<void> => {
      for (let waited = 0; ; waited += interval) {
        try {
          // oxlint-disable-next-line vitest/valid-expect -- its matcher is known by name only.
          const subject = assertOn(await ask());
          const check: unknown = Reflect.get(subject, matcher);
          if (isBody(check)) Reflect.apply(check, subject, args);
          return;
        } catch (error) {
          if (waited >= timeout) throw error;
        }
        await setTimeout(interval);
      }
    };
  return new Proxy({}, { get: (_, matcher) => attempt(matcher) });
}

export const expect = new Proxy(assertOn, {
  get: (target, name, receiver) => (name === 'poll' ? poll : Reflect.get(target, name, receiver)),
});
