import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { CHECK_PROOFS } from './check-proofs.ts';
import type { CheckProof } from './proofs/check-proof.ts';

/**
 * Takes each check of the table out of a copy of the tree, one at a time, and runs the one test file that must notice: it must fail in some
 * test while another in it still passes, so that it fails for the check and not because nothing works. Before that, every one of those files
 * must pass as it is. Arguments, if any, choose the rows whose file or test contains one of them.
 *
 * Exit 0 only when no check can be taken out unnoticed, and every row still finds its text.
 */
async function main(filters: readonly string[]): Promise<number> {
  const root = join(dirname(import.meta.filename), '..');
  const proofs = CHECK_PROOFS.filter(
    ({ file, test }) => filters.length === 0 || filters.some((filter) => `${file} ${test}`.includes(filter)),
  );
  const scratch = mkdtempSync(join(tmpdir(), 'muster-proofs-'));
  try {
    const trees = Array.from({ length: WORKERS }, (_, worker) => copyTree(root, join(scratch, `w${worker}`)));
    const files = [...new Set(proofs.map(({ test }) => test))];
    const [first] = trees;
    const baseline = first === undefined ? undefined : await runTests(first, files);
    if (baseline === undefined || baseline.failed > 0 || baseline.passed === 0) {
      console.log('The tests must pass as they are before anything is taken out.');
      return 1;
    }
    const outcomes = await proveAll(trees, proofs);
    return report(outcomes);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const WORKERS = 2;
const TIMEOUT_MS = 120_000;
const SOURCES = [
  'core',
  'tpm2',
  'protocol',
  'pki',
  'attestation',
  'services',
  'agent',
  'cli',
  'bench',
  'docs',
  'deploy',
  'test',
  'scripts',
];
const FILES = ['package.json', 'tsconfig.json', 'vitest.config.ts'];

interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

interface Outcome {
  readonly proof: CheckProof;
  readonly verdict: 'noticed' | 'UNNOTICED' | 'STALE' | 'BROKEN';
  readonly counts: TestCounts | undefined;
  readonly seconds: number;
}

/** The sources in `into`/tree, with the packages and the shared vectors where their paths lead to. */
function copyTree(root: string, into: string): string {
  const tree = join(into, 'tree');
  for (const name of [...SOURCES, ...FILES]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(tree, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  if (existsSync(join(root, '../shared'))) symlinkSync(join(root, '../shared'), join(into, 'shared'));
  return tree;
}

async function proveAll(trees: readonly string[], proofs: readonly CheckProof[]): Promise<readonly Outcome[]> {
  const waiting = proofs.map((proof, index) => ({ proof, index }));
  const outcomes: Outcome[] = [];
  await Promise.all(
    trees.map(async (tree) => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        outcomes[next.index] = await prove(tree, next.proof);
        process.stdout.write('.');
      }
    }),
  );
  process.stdout.write('\n');
  return outcomes;
}

async function prove(tree: string, proof: CheckProof): Promise<Outcome> {
  const started = performance.now();
  const path = join(tree, proof.file);
  const source = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const end = (verdict: Outcome['verdict'], counts?: TestCounts): Outcome => ({
    proof,
    verdict,
    counts,
    seconds: (performance.now() - started) / 1_000,
  });
  if (source.split(proof.check).length !== 2) return end('STALE');
  writeFileSync(
    path,
    source.replace(proof.check, () => proof.without),
  );
  try {
    const counts = await runTests(tree, [proof.test]);
    if (counts === undefined) return end('BROKEN');
    if (counts.failed === 0) return end('UNNOTICED', counts);
    // A file in which nothing passes any more says that the patch broke the code, not that the check was missed.
    return end(counts.passed === 0 ? 'BROKEN' : 'noticed', counts);
  } finally {
    writeFileSync(path, source);
  }
}

/** How many tests passed and failed; undefined where a file could not be run at all. */
async function runTests(tree: string, files: readonly string[]): Promise<TestCounts | undefined> {
  const reportFile = join(tree, 'report.json');
  rmSync(reportFile, { force: true });
  const vitest = join(tree, 'node_modules/vitest/vitest.mjs');
  const options = ['--reporter=json', `--outputFile=${reportFile}`, '--no-isolate', '--no-cache'];
  await ended(spawn(process.execPath, [vitest, 'run', ...options, ...files], { cwd: tree, stdio: 'ignore' }));
  if (!existsSync(reportFile)) return undefined;
  const { numPassedTests, numFailedTests }: { numPassedTests: number; numFailedTests: number } = JSON.parse(
    readFileSync(reportFile, 'utf8'),
  );
  return numPassedTests + numFailedTests === 0 ? undefined : { passed: numPassedTests, failed: numFailedTests };
}

/** Resolves when the process has ended, or was ended for taking too long. */
async function ended(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
}

function report(outcomes: readonly Outcome[]): number {
  for (const { proof, verdict, counts, seconds } of outcomes) {
    const tests = counts === undefined ? '' : `${counts.failed} failed, ${counts.passed} passed`;
    const where = `${proof.test.replace(/^test\//, '').replace(/\.test\.ts$/, '')}`;
    console.log(
      `${verdict.padEnd(9)} ${where.padEnd(48)} ${tests.padEnd(22)} ${seconds.toFixed(1)} s  ${proof.removes}`,
    );
  }
  const bad = outcomes.filter(({ verdict }) => verdict !== 'noticed');
  console.log(`\n${outcomes.length - bad.length} of ${outcomes.length} checks cannot be taken out unnoticed.`);
  return bad.length > 0 || outcomes.length === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
