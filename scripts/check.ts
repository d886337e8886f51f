import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

import { type CheckStep, checkSteps } from './check-steps.ts';
import { readTestReport, renderTestReport } from './test-report.ts';

/**
 * Everything that must be in order before a change is: runs each step, says how long it took, shows the output of those that fail, and
 * ends with the tests' numbers. `--all`: a skipped test is a failure. Exit 0 only when every step passed.
 */
function main(args: readonly string[]): number {
  const root = join(dirname(import.meta.filename), '..');
  const scratch = mkdtempSync(join(tmpdir(), 'muster-check-'));
  try {
    const reportFile = join(scratch, 'tests.json');
    const failed = checkSteps(reportFile).filter((step) => !runStep(step, root));
    const report = existsSync(reportFile) ? readTestReport(readFileSync(reportFile, 'utf8')) : undefined;
    if (failed.length > 0) console.log(`\nNot in order: ${failed.map((step) => step.name).join(', ')}`);
    else console.log('\nEverything is in order.');
    console.log(report === undefined ? '0 passed, 1 failed, 0 skipped' : renderTestReport(report));
    const refusesSkips = args.includes('--all') && (report?.skipped.length ?? 0) > 0;
    if (refusesSkips) console.log('--all: a skipped test is a failure');
    return failed.length > 0 || report === undefined || report.failed > 0 || refusesSkips ? 1 : 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function runStep(step: CheckStep, root: string): boolean {
  const started = performance.now();
  const [program, ...args] = step.command;
  if (step.live === true) console.log(`${step.name}:`);
  else process.stdout.write(`${step.name.padEnd(8)} `);
  const result = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: step.live === true ? 'inherit' : 'pipe',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter) },
  });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const ok = result.status === 0;
  const verdict = ok ? 'ok' : (result.error?.message ?? 'FAILED');
  console.log(step.live === true ? `${step.name}: ${verdict} ${seconds} s` : `${verdict.padEnd(6)} ${seconds} s`);
  if (!ok && step.live !== true) console.log(`${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd());
  return ok;
}

process.exitCode = main(process.argv.slice(2));
