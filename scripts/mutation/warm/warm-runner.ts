import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { basename, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';

import { z } from 'zod';

import type { TestGlobs } from '../folders.ts';
import { collect, type CollectedTest } from './collected.ts';
import { settleCoverage, strykerNamespace } from './coverage.ts';
import { type Failed, NO_END, runHooks, TestRuns } from './run-tests.ts';

interface MutantRun {
  /** Tests that reach the mutant; undefined where it is reached while files are loaded. */
  readonly testFilter?: readonly string[];
  readonly activeMutant: { readonly id: string; readonly fileName: string };
  /** When the mutant takes effect: before anything is loaded, or once it is. */
  readonly mutantActivation: 'static' | 'runtime';
  readonly hitLimit?: number;
}

/** How long each test took, for the processes that follow the first. */
const TIMES_FILE = 'warm-times.json';

/** A test that takes longer is run once, and against no mutant: what it alone notices counts as unnoticed. */
const LONGEST_MS = 3_000;

/**
 * A test runner for Stryker that loads the test files once, and then only runs the tests that reach a mutant: Stryker writes all mutants of a file
 * into one text, so that the next mutant is another number. A worker of vitest's for each mutant would load everything anew, which takes
 * many times as long as the tests.
 *
 * What one mutant leaves behind could fail a test under the next. So each test that fails is run again without a mutant; if it fails then,
 * the mutant is tried again in a process of its own.
 */
class WarmRunner {
  readonly #globs: TestGlobs;
  readonly #tests = new Map<string, CollectedTest>();
  readonly #loaded = new Set<string>();
  readonly #runs = new TestRuns();
  /** Tests that noticed a mutant here: the next one is often noticed by the same. */
  readonly #noticed = new Set<string>();
  #times: Record<string, number> = {};
  #isFresh = true;
  #isSpoilt = false;

  constructor({ warm }: { readonly warm: TestGlobs }) {
    this.#globs = warm;
  }

  /** Whatever needs a new environment is told so by an error: Stryker starts a new process then, and tries again. */
  capabilities() {
    return { reloadEnvironment: true };
  }

  init(): void {
    process.env['NODE_ENV'] = 'test';
    process.env['VITEST'] = '1';
    const shim = import.meta.resolve('./vitest-shim.ts');
    const here = pathToFileURL(`${process.cwd()}/`).href;
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === 'vitest' && context.parentURL?.startsWith(here) === true
          ? { url: shim, shortCircuit: true }
          : next(specifier, context),
    });
    this.#runs.catchStrays();
    if (existsSync(TIMES_FILE)) {
      this.#times = z.record(z.string(), z.number()).parse(JSON.parse(readFileSync(TIMES_FILE, 'utf8')));
    }
  }

  async dryRun() {
    const namespace = strykerNamespace();
    const { include, exclude } = this.#globs;
    await this.#load(globSync([...include], { exclude: [...exclude] }).toSorted());
    const results: object[] = [];
    for (const [suite, tests] of Map.groupBy(this.#tests.values(), (test) => test.suite)) {
      const around = `around ${results.length}`;
      namespace.currentTestId = around;
      await runHooks(suite, 'beforeAll');
      for (const test of tests) {
        namespace.currentTestId = test.id;
        results.push(await this.#timed(test));
      }
      namespace.currentTestId = around;
      await runHooks(suite, 'afterAll');
      namespace.currentTestId = undefined;
      const measured = tests.map(({ id }) => ({ id, isLeftOut: this.#msOf(id) > LONGEST_MS }));
      settleCoverage(namespace.mutantCoverage, around, measured);
    }
    writeFileSync(TIMES_FILE, JSON.stringify(this.#times));
    return { status: 'complete', tests: results, mutantCoverage: namespace.mutantCoverage };
  }

  async #timed(test: CollectedTest): Promise<object> {
    const started = performance.now();
    const failureMessage = await this.#runs.runTest(test);
    const timeSpentMs = performance.now() - started;
    this.#times[test.id] = timeSpentMs;
    const status = failureMessage === undefined ? TEST_STATUS.success : TEST_STATUS.failed;
    return { id: test.id, name: test.id, fileName: resolve(test.file), timeSpentMs, status, failureMessage };
  }

  async mutantRun(run: MutantRun): Promise<object> {
    const isStatic = run.mutantActivation === 'static';
    if (this.#isSpoilt || (isStatic && this.#loaded.size > 0)) throw new Error('this needs a process of its own');
    this.#isSpoilt = isStatic;
    const namespace = strykerNamespace();
    namespace.hitCount = 0;
    namespace.hitLimit = run.hitLimit;
    const { failed, nrOfTests } = await this.#tryMutant(run);
    namespace.activeMutant = undefined;
    const isEndless = run.hitLimit !== undefined && namespace.hitCount > run.hitLimit;
    namespace.hitLimit = undefined;
    if (isEndless || failed?.message === NO_END) {
      this.#isSpoilt = true;
      return { status: 'timeout', reason: isEndless ? 'hit limit reached' : failed?.id };
    }
    if (failed === undefined) {
      this.#isFresh = false;
      return { status: 'survived', nrOfTests };
    }
    if (!isStatic) await this.#confirm(failed.id);
    this.#isFresh = false;
    this.#noticed.add(failed.id);
    return { status: 'killed', killedBy: [failed.id], failureMessage: failed.message, nrOfTests };
  }

  async #tryMutant({ testFilter, activeMutant, mutantActivation }: MutantRun) {
    const namespace = strykerNamespace();
    if (mutantActivation === 'static') namespace.activeMutant = activeMutant.id;
    const all = Object.keys(this.#times).filter((id) => this.#msOf(id) <= LONGEST_MS);
    // What is reached while files are loaded is looked for in one file after the other: most need no second.
    const batches = testFilter === undefined ? this.#byFile(all, activeMutant.fileName) : [testFilter];
    let nrOfTests = 0;
    for (const ids of batches) {
      nrOfTests += ids.length;
      try {
        await this.#load(new Set(ids.map(fileOf)));
      } catch (error) {
        if (mutantActivation !== 'static') throw error;
        return { failed: { id: ids[0] ?? '', message: String(error) }, nrOfTests };
      }
      namespace.activeMutant = activeMutant.id;
      const failed = await this.#firstFailure(ids, true);
      if (failed !== undefined) return { failed: { id: failed.test.id, message: failed.message }, nrOfTests };
    }
    return { failed: undefined, nrOfTests };
  }

  /** Throws where the test fails without a mutant too, and other mutants were tried in this process before. */
  async #confirm(id: string): Promise<void> {
    if ((await this.#firstFailure([id], false)) === undefined) return;
    this.#isSpoilt = true;
    if (!this.#isFresh) throw new Error('an earlier mutant may have left something behind');
  }

  /** Quick tests first, and before them those that noticed a mutant already. */
  #firstFailure(ids: readonly string[], isTimed: boolean): Promise<Failed | undefined> {
    const tests = ids.flatMap((id) => this.#tests.get(id) ?? []);
    const costOf = ({ id }: CollectedTest): number => (this.#noticed.has(id) ? 0 : this.#msOf(id));
    return this.#runs.firstFailure(tests, costOf, isTimed ? ({ id }) => this.#msOf(id) : undefined);
  }

  /** The tests by file: first the file that is named like the mutated one, then the quickest. */
  #byFile(ids: readonly string[], mutated: string): readonly (readonly string[])[] {
    const name = basename(mutated, '.ts');
    const files = [...Map.groupBy(ids, fileOf)].map(([file, own]) => ({
      own,
      ms: basename(file, '.test.ts') === name ? 0 : own.reduce((sum, id) => sum + this.#msOf(id), 0),
    }));
    return files.toSorted((a, b) => a.ms - b.ms).map(({ own }) => own);
  }

  async #load(files: Iterable<string>): Promise<void> {
    for (const file of files) {
      if (this.#loaded.has(file)) continue;
      this.#loaded.add(file);
      const tests = await collect(file, () => import(pathToFileURL(resolve(file)).href));
      for (const test of tests) this.#tests.set(test.id, test);
    }
  }

  #msOf(id: string): number {
    return this.#times[id] ?? 0;
  }
}

/** Stryker's numbers. */
const TEST_STATUS = { success: 0, failed: 1 };

const fileOf = (id: string): string => id.slice(0, id.indexOf(' > '));

function warmRunner(options: { readonly warm: TestGlobs }): WarmRunner {
  return new WarmRunner(options);
}
warmRunner.inject = ['options'] as const;

/** What Stryker looks for in a plugin. */
export const strykerPlugins = [{ kind: 'TestRunner', name: 'warm', factory: warmRunner }] as const;
