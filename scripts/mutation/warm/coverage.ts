/** How often each mutant was reached: while files were loaded, and by each test. */
export interface MutantCoverage {
  readonly static: Record<string, number>;
  readonly perTest: Record<string, Record<string, number>>;
}

/** What the code that Stryker wrote reads and writes. */
export interface StrykerNamespace {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: MutantCoverage;
}

declare global {
  // oxlint-disable-next-line no-var -- a global that is declared any other way is none of `globalThis`.
  var __stryker__: StrykerNamespace | undefined;
}

/** The one of this process. */
export function strykerNamespace(): StrykerNamespace {
  return (globalThis.__stryker__ ??= {});
}

/** What was reached under `around`, in the hooks around `tests`, counts for each of them; nothing counts for the tests to leave out. */
export function settleCoverage(
  coverage: MutantCoverage | undefined,
  around: string,
  tests: readonly { readonly id: string; readonly isLeftOut: boolean }[],
): void {
  if (coverage === undefined) return;
  const { perTest } = coverage;
  const shared = perTest[around] ?? {};
  delete perTest[around];
  for (const { id, isLeftOut } of tests) {
    if (isLeftOut) {
      delete perTest[id];
      continue;
    }
    const own = (perTest[id] ??= {});
    for (const [mutant, count] of Object.entries(shared)) own[mutant] = (own[mutant] ?? 0) + count;
  }
}
