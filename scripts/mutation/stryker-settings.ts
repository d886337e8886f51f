import { join } from 'node:path';

import { LEAST_SCORE, type MutationFolder, type TestGlobs } from './folders.ts';

export interface RunPlaces {
  /** The installed tools. */
  readonly tools: string;
  /** A directory for the copies of the tree that are mutated. */
  readonly work: string;
  /** What earlier runs found, for Stryker to start from. */
  readonly incremental: string;
  readonly report: string;
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
  /** How many mutants are tried at a time. */
  readonly concurrency: number;
}

/** Stryker's settings for one pass over a folder. */
export function strykerSettings(
  folder: MutationFolder,
  places: RunPlaces,
  { pass, force, concurrency }: PassSettings,
): object {
  return {
    mutate: folder.mutate,
    testRunner: 'warm',
    plugins: [join(import.meta.dirname, 'warm/warm-runner.ts'), join(import.meta.dirname, 'texts-for-people.ts')],
    ignorers: ['texts-for-people'],
    warm: testsOf(folder, pass),
    coverageAnalysis: 'perTest',
    ignoreStatic: pass === 'quick',
    concurrency,
    // The runner has limits of its own, for each test: this is for a loop that waits for nothing and reaches no mutant.
    timeoutMS: 20_000,
    timeoutFactor: 0.5,
    dryRunTimeoutMinutes: 10,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: places.report },
    incremental: true,
    incrementalFile: places.incremental,
    force,
    thresholds: { high: 100, low: LEAST_SCORE, break: pass === 'quick' ? null : LEAST_SCORE },
    tempDirName: places.work,
    ignorePatterns: ['deploy', 'bench'],
    // Stryker would rewrite tsconfig.json with the compiler's programming interface, which TypeScript 7 does not have; nothing here reads it.
    tsconfigFile: 'none',
    allowConsoleColors: false,
    warnings: { slow: false },
  };
}

/** The globs of the pass's tests. */
function testsOf(folder: MutationFolder, pass: Pass): TestGlobs {
  const globs = pass === 'quick' ? folder.tests : [...folder.tests, ...folder.slowTests];
  return {
    include: globs.filter((glob) => !glob.startsWith('!')),
    exclude: globs.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1)),
  };
}
