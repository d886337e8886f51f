import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path';
import { parseArgs } from 'node:util';

import { MUTATION_FOLDERS, type MutationFolder } from './mutation/folders.ts';
import { installTools } from './mutation/install-tools.ts';
import { forgetUnnoticed, readMutationReport, renderMutationReport } from './mutation/mutation-report.ts';
import { type PassSettings, strykerSettings } from './mutation/stryker-settings.ts';

/**
 * Mutation testing: changes the code in a copy of the tree, one small thing at a time, and says which changes no test noticed.
 *
 * `npm run mutate [-- [--force] [--concurrency n] [--cache directory] folder or file…]`: folders are those of `mutation/folders.ts`, and a file is one in them;
 * none named: all. What the last run found is kept in the cache, and only mutants whose code or tests have changed since run again, unless
 * `--force`. Exit 0 when every folder reached the least score.
 */
function main(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      force: { type: 'boolean', default: false },
      cache: { type: 'string' },
      concurrency: { type: 'string', default: '2' },
    },
  });
  const chosen = chooseFolders(positionals);
  if (typeof chosen === 'string') {
    console.log(chosen);
    return 64;
  }
  const root = join(dirname(import.meta.filename), '..');
  const cache = values.cache ?? join(homedir(), '.cache/muster-mutation');
  mkdirSync(cache, { recursive: true });
  const tools = installTools(root, cache);
  const run = { root, cache, tools, force: values.force, concurrency: Number(values.concurrency) };
  const below = chosen.filter((folder) => !mutateFolder(folder, run));
  if (below.length > 0) console.log(`\nNot good enough: ${below.map(({ name }) => name).join(', ')}`);
  return below.length > 0 ? 1 : 0;
}

/** The runs that `names` ask for, a file narrowing its folder's; a sentence when a name is neither a folder of the table nor a file in one. */
function chooseFolders(names: readonly string[]): readonly MutationFolder[] | string {
  if (names.length === 0) return MUTATION_FOLDERS;
  const wanted = new Map<MutationFolder, string[] | 'all'>();
  for (const name of names) {
    const folder = MUTATION_FOLDERS.find((it) => it.name === name || covers(it, name));
    if (folder === undefined) {
      return `${name}: neither one of ${MUTATION_FOLDERS.map((it) => it.name).join(', ')}, nor a file in one`;
    }
    const files = wanted.get(folder) ?? [];
    wanted.set(folder, folder.name === name || files === 'all' ? 'all' : [...files, name]);
  }
  const chosen = [...wanted].map(([folder, files]) => (files === 'all' ? folder : { ...folder, mutate: files }));
  return chosen;
}

/** Patterns apply in turn, `!` taking away what those before it named. */
function covers(folder: MutationFolder, path: string): boolean {
  return folder.mutate.reduce(
    (so, glob) => (glob.startsWith('!') ? so && !matchesGlob(path, glob.slice(1)) : so || matchesGlob(path, glob)),
    false,
  );
}

interface MutationRun {
  readonly root: string;
  readonly cache: string;
  readonly tools: string;
  readonly force: boolean;
  /** How many mutants are tried at a time. */
  readonly concurrency: number;
}

/** Both passes over one folder; prints what they found. True when the score suffices. */
function mutateFolder(folder: MutationFolder, run: MutationRun): boolean {
  const quick = runPass(folder, run, { pass: 'quick', force: run.force, concurrency: run.concurrency });
  forgetUnnoticed(quick.incremental);
  const whole = runPass(folder, run, { pass: 'whole', force: false, concurrency: run.concurrency });
  if (existsSync(whole.report)) console.log(renderMutationReport(readMutationReport(whole.report)));
  return whole.ok;
}

/** Runs Stryker once; `ok` when it ended well, which in the whole pass is a matter of the score too. */
function runPass(folder: MutationFolder, { root, cache, tools }: MutationRun, settings: PassSettings) {
  const name = folder.name.replaceAll('/', '-');
  const report = join(cache, `${name}.report.json`);
  const incremental = join(cache, `${name}.incremental.json`);
  const scratch = mkdtempSync(join(cache, `${name}-`));
  try {
    const work = join(scratch, 'work');
    mkdirSync(work);
    if (existsSync(join(root, '../shared'))) symlinkSync(join(root, '../shared'), join(work, 'shared'));
    rmSync(report, { force: true });
    const places = { tools, work, report, incremental };
    const file = join(scratch, 'stryker.json');
    writeFileSync(file, JSON.stringify(strykerSettings(folder, places, settings)));
    const stryker = join(tools, 'node_modules/@stryker-mutator/core/bin/stryker.js');
    const { status } = spawnSync('nice', ['-n', '5', process.execPath, stryker, 'run', file], {
      cwd: root,
      stdio: 'inherit',
    });
    return { ok: status === 0, report, incremental };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = main(process.argv.slice(2));
