/** What of vitest's JSON report is read here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** How a run of the tests went, in numbers and, for what was skipped, in names. */
export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

/** Reads vitest's JSON report. A file that failed before its tests ran counts as one failure. */
export function readTestReport(json: string): TestReport {
  const report: VitestReport = JSON.parse(json);
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: tests.filter((test) => test.status === 'passed').length,
    failed: tests.filter((test) => test.status === 'failed').length + broken.length,
    skipped: tests.filter((test) => !['passed', 'failed'].includes(test.status)).map((test) => test.fullName),
  };
}

/** The lines that end a run: every skipped test by name, loudly, then the three numbers. */
export function renderTestReport(report: TestReport): string {
  const { passed, failed, skipped } = report;
  const names = skipped.map((name) => `  SKIPPED  ${name}`);
  const warning = `${skipped.length} tests did not run on this machine and prove nothing here:`;
  return [
    ...(skipped.length > 0 ? ['', warning, ...names, ''] : []),
    `${passed} passed, ${failed} failed, ${skipped.length} skipped`,
  ].join('\n');
}
