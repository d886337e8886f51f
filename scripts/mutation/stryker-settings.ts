import { join } from 'node:path';

import { LEAST_SCORE, type MutationFolder } from './folders.ts';

export interface RunPlaces {
  /** The installed tools. */
  readonly tools: string;
  /** A directory for the copies of the tree that are mutated. */
  readonly work: string;
  /** What earlier runs found, for Stryker to start from. */
  readonly incremental: string;
  readonly report: string;
  readonly vitestConfig: string;
}

/**
 * A folder is tested in two passes. `quick` runs, for each mutant, the unit tests that reach it while they run; code that is only reached while a
 * test file is loaded waits. `whole` takes what quick left: it loads everything anew for each mutant and runs every test of the folder.
 */
export type Pass = 'quick' | 'whole';

export interface PassSettings {
  readonly pass: Pass;
  /** Test every mutant again, whatever an earlier run found. */
  readonly force: boolean;
}

/** Stryker's settings for one pass over a folder. */
export function strykerSettings(folder: MutationFolder, places: RunPlaces, { pass, force }: PassSettings): object {
  return {
    mutate: folder.mutate,
    testRunner: 'vitest',
    plugins: [
      join(places.tools, 'node_modules/@stryker-mutator/vitest-runner/dist/src/index.js'),
      join(import.meta.dirname, 'texts-for-people.ts'),
    ],
    ignorers: ['texts-for-people'],
    vitest: { configFile: places.vitestConfig, related: true, pool: 'threads' },
    coverageAnalysis: 'perTest',
    ignoreStatic: pass === 'quick',
    concurrency: 2,
    timeoutMS: 5_000,
    dryRunTimeoutMinutes: 10,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: places.report },
    incremental: true,
    incrementalFile: places.incremental,
    force,
    thresholds: { high: 100, low: LEAST_SCORE, break: pass === 'quick' ? null : LEAST_SCORE },
    tempDirName: places.work,
    ignorePatterns: ['docs', 'deploy', 'bench'],
    // Stryker would rewrite tsconfig.json with the compiler's programming interface, which TypeScript 7 does not have; nothing here reads it.
    tsconfigFile: 'none',
    allowConsoleColors: false,
    warnings: { slow: false },
  };
}

/** A vitest configuration with nothing in it but the pass's tests: a module's text, which imports nothing. */
export function vitestConfig(folder: MutationFolder, pass: Pass): string {
  const globs = pass === 'quick' ? folder.tests : [...folder.tests, ...folder.slowTests];
  const include = globs.filter((glob) => !glob.startsWith('!'));
  const exclude = globs.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1));
  // Each run of a mutant has a worker of its own, so that test files may share the modules in it.
  const test = { include, exclude, isolate: false, testTimeout: 20_000, hookTimeout: 60_000, reporters: ['default'] };
  return `export default ${JSON.stringify({ test })};\n`;
}
