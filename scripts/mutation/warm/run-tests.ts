import { setTimeout } from 'node:timers/promises';

import type { CollectedSuite, CollectedTest } from './collected.ts';
import { finishTest } from './vitest-shim.ts';

export interface Failed {
  readonly test: CollectedTest;
  /** What the failure says; `NO_END` for a test that did not end in its time. */
  readonly message: string;
}

export const NO_END = 'did not end';

/** A test that waits for ever is noticed here, sooner than by Stryker, which only knows the time of all tests together. */
const LEAST_LIMIT_MS = 8_000;
const LIMIT_FACTOR = 5;

/** Runs tests in this process. At most one thing runs at a time. */
export class TestRuns {
  /** What was thrown where no test could catch it fails the test that runs. */
  #stray: string | undefined;
  #endEarly: ((failure: string) => void) | undefined;

  /** Takes what nobody catches from the process, which would end of it. */
  catchStrays(): void {
    process.on('uncaughtException', (error) => {
      this.#stray ??= String(error);
      this.#endEarly?.(this.#stray);
    });
  }

  /** What the failure of the one test says; undefined where it passes. The suite's own hooks have run before. */
  async runTest({ body, suite }: CollectedTest): Promise<string | undefined> {
    let failure: string | undefined;
    const attempt = async (step: () => unknown): Promise<void> => {
      try {
        await step();
      } catch (error) {
        failure ??= String(error);
      }
    };
    await attempt(() => runHooks(suite, 'beforeEach'));
    if (failure === undefined) await attempt(body);
    await attempt(finishTest);
    await attempt(() => runHooks(suite, 'afterEach'));
    failure ??= this.#stray;
    this.#stray = undefined;
    return failure;
  }

  /**
   * Runs `tests`, with the hooks around them, until one fails. `costOf` says what runs first; with `usualMs`, a test that takes much longer
   * than that has failed.
   */
  async firstFailure(
    tests: readonly CollectedTest[],
    costOf: (test: CollectedTest) => number,
    usualMs?: (test: CollectedTest) => number,
  ): Promise<Failed | undefined> {
    const suites = [...Map.groupBy(tests, ({ suite }) => suite)].map(([suite, own]) => ({
      suite,
      own: own.toSorted((a, b) => costOf(a) - costOf(b)),
      least: Math.min(...own.map(costOf)),
    }));
    for (const { suite, own } of suites.toSorted((a, b) => a.least - b.least)) {
      const failed = await this.#inSuite(suite, own, usualMs);
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  async #inSuite(
    suite: CollectedSuite,
    tests: readonly CollectedTest[],
    usualMs: ((test: CollectedTest) => number) | undefined,
  ): Promise<Failed | undefined> {
    const [first] = tests;
    if (first === undefined) return undefined;
    try {
      await runHooks(suite, 'beforeAll');
      for (const test of tests) {
        const message = await (usualMs === undefined ? this.runTest(test) : this.#inTime(test, usualMs(test)));
        if (message !== undefined) return { test, message };
      }
      return undefined;
    } catch (error) {
      return { test: first, message: String(error) };
    } finally {
      await runHooks(suite, 'afterAll').catch(() => undefined);
    }
  }

  async #inTime(test: CollectedTest, usualMs: number): Promise<string | undefined> {
    const early = Promise.withResolvers<string>();
    this.#endEarly = early.resolve;
    const end = new AbortController();
    const limitMs = LEAST_LIMIT_MS + LIMIT_FACTOR * usualMs;
    const late = setTimeout(limitMs, NO_END, { signal: end.signal }).catch(() => undefined);
    const message = await Promise.race([this.runTest(test), early.promise, late]);
    end.abort();
    this.#endEarly = undefined;
    this.#stray = undefined;
    return message;
  }
}

/** Those of outer suites first before tests, and last after them. */
export async function runHooks(
  suite: CollectedSuite,
  kind: 'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach',
): Promise<void> {
  const chain: CollectedSuite[] = [];
  for (let at: CollectedSuite | undefined = suite; at !== undefined; at = at.parent) chain.unshift(at);
  const isBefore = kind.startsWith('before');
  for (const one of isBefore ? chain : chain.toReversed()) {
    for (const body of isBefore ? one[kind] : one[kind].toReversed()) {
      if (typeof (await body({})) === 'function') throw new Error(`a ${kind} that returns its end is not known here`);
    }
  }
}
