import { describe, expect, test } from 'vitest';

import { readTestReport, renderTestReport } from '#scripts/test-report.ts';

const report = (...files: readonly { status: string; tests: readonly (readonly [name: string, status: string])[] }[]) =>
  JSON.stringify({
    testResults: files.map((file) => ({
      name: 'a.test.ts',
      status: file.status,
      assertionResults: file.tests.map(([fullName, status]) => ({ fullName, status })),
    })),
  });

describe('the end of a test run', () => {
  test('counts what passed and failed and names what was skipped', () => {
    const read = readTestReport(
      report(
        {
          status: 'failed',
          tests: [
            ['a', 'passed'],
            ['b', 'failed'],
          ],
        },
        {
          status: 'passed',
          tests: [
            ['c', 'passed'],
            ['d', 'skipped'],
            ['e', 'pending'],
            ['f', 'todo'],
          ],
        },
      ),
    );
    expect(read).toEqual({ passed: 2, failed: 1, skipped: ['d', 'e', 'f'] });
  });

  test('counts a file that broke before its tests ran as a failure', () => {
    expect(readTestReport(report({ status: 'failed', tests: [] })).failed).toBe(1);
  });

  test('shouts about each skipped test and ends with the numbers', () => {
    const text = renderTestReport({ passed: 3, failed: 0, skipped: ['joins with swtpm'] });
    expect(text).toContain('SKIPPED  joins with swtpm');
    expect(text.split('\n').at(-1)).toBe('3 passed, 0 failed, 1 skipped');
  });

  test('is one line when nothing was skipped', () => {
    expect(renderTestReport({ passed: 3, failed: 0, skipped: [] })).toBe('3 passed, 0 failed, 0 skipped');
  });
});
