import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { z } from 'zod';

const STATUSES = [
  'Killed',
  'Timeout',
  'Survived',
  'NoCoverage',
  'CompileError',
  'RuntimeError',
  'Ignored',
  'Pending',
] as const;

const position = z.object({ line: z.number(), column: z.number() });
const reportSchema = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.string(),
      mutants: z.array(
        z.object({
          mutatorName: z.string(),
          replacement: z.string().optional(),
          status: z.enum(STATUSES),
          location: z.object({ start: position, end: position }),
        }),
      ),
    }),
  ),
});

/** A report in the mutation testing report schema, as much of it as is read here. */
export type MutationReport = z.output<typeof reportSchema>;
type Mutant = MutationReport['files'][string]['mutants'][number];

/** Reads the report that Stryker wrote to `file`. Throws when it is not one. */
export function readMutationReport(file: string): MutationReport {
  return reportSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** How the mutants of some files ended. `score`: percent of the valid ones that a test noticed, a mutant that no test runs counting as unnoticed. */
export interface MutationScore {
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  readonly survived: number;
  readonly ignored: number;
  readonly errors: number;
  readonly score: number;
}

/** The sum over `mutants`. The score of nothing is 100. */
export function scoreOf(mutants: readonly Pick<Mutant, 'status'>[]): MutationScore {
  const count = (...wanted: readonly Mutant['status'][]): number =>
    mutants.filter(({ status }) => wanted.includes(status)).length;
  const killed = count('Killed');
  const timedOut = count('Timeout');
  const survived = count('Survived', 'NoCoverage');
  const valid = killed + timedOut + survived;
  return {
    mutants: mutants.length,
    killed,
    timedOut,
    survived,
    ignored: count('Ignored'),
    errors: count('CompileError', 'RuntimeError'),
    score: valid === 0 ? 100 : (100 * (killed + timedOut)) / valid,
  };
}

/** The report for a terminal: a line for each file, each survivor under its file as `line:column mutator: original → replacement`, the sum last. */
export function renderMutationReport(report: MutationReport): string {
  const files = Object.entries(report.files).toSorted(([a], [b]) => a.localeCompare(b));
  const blocks = files.flatMap(([path, { source, mutants }]) => [
    renderScore(path, scoreOf(mutants)),
    ...mutants
      .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
      .map((it) => renderMutant(it, source)),
  ]);
  return [...blocks, renderScore('all', scoreOf(files.flatMap(([, { mutants }]) => mutants)))].join('\n');
}

function renderScore(name: string, it: MutationScore): string {
  const counts = `${it.killed} killed, ${it.timedOut} timed out, ${it.survived} survived, ${it.ignored} ignored`;
  return `${it.score.toFixed(1).padStart(5)} %  ${name}: ${it.mutants} mutants, ${counts}${it.errors > 0 ? `, ${it.errors} errors` : ''}`;
}

function renderMutant({ location: { start, end }, mutatorName, replacement, status }: Mutant, source: string): string {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const whole = lines.join('\n');
  const original = whole.slice(start.column - 1, whole.length - (lines.at(-1) ?? '').length + end.column - 1);
  const unseen = status === 'NoCoverage' ? ' (no test runs it)' : '';
  return `         ${start.line}:${start.column} ${mutatorName}${unseen}: ${short(original)} → ${short(replacement ?? '')}`;
}

/** One line of at most 100 characters. */
function short(code: string): string {
  const line = code.replaceAll(/\s+/g, ' ');
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

/** Takes out of Stryker's incremental `file` every result that is no success of the tests, so that the next pass tries those mutants again. */
export function forgetUnnoticed(file: string): void {
  if (!existsSync(file)) return;
  const found = z
    .looseObject({
      files: z.record(z.string(), z.looseObject({ mutants: z.array(z.looseObject({ status: z.enum(STATUSES) })) })),
    })
    .parse(JSON.parse(readFileSync(file, 'utf8')));
  const files = Object.entries(found.files).map(([path, { mutants, ...rest }]) => {
    const noticed = mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout');
    return [path, { ...rest, mutants: noticed }];
  });
  writeFileSync(file, JSON.stringify({ ...found, files: Object.fromEntries(files) }));
}
