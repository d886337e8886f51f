import type { Happened } from './faults.ts';
import type { Figures, Finding } from './judge.ts';
import type { Exchange, LedgerJoin } from './ledger.ts';

/** One fault and the joins from its beginning to the next one's. */
export interface FaultRow {
  readonly fault: string;
  readonly atSeconds: number;
  readonly lastedSeconds: number;
  readonly joins: number;
  /** Of those, how many had been told to come back. */
  readonly retried: number;
  /** Answers that were no success, by kind. */
  readonly refused: Readonly<Record<string, number>>;
  /** The longest time without a join's success. */
  readonly stillSeconds: number;
  /** From the fault's end to the first success after it. */
  readonly recoverySeconds: number | undefined;
}

export interface SoakReport {
  readonly minutes: number;
  readonly replicas: number;
  readonly keyServer: 'real' | 'double';
  /** Faults that this machine cannot have. */
  readonly skipped: readonly string[];
  readonly offeredPerSecond: number;
  /** Joins that could not begin because every machine was joining. */
  readonly turnedAway: number;
  readonly joins: number;
  /** Of those that ended while the load lasted. */
  readonly joinsPerSecond: number;
  /** From the end of the load to the end of the last join. */
  readonly drainedSeconds: number;
  readonly faults: readonly FaultRow[];
  readonly figures: Figures;
  readonly findings: readonly Finding[];
}

/** The rows of `happened`, which are in order. `endMs`: when the load ended. */
export function faultRows(
  happened: readonly Happened[],
  joins: readonly LedgerJoin[],
  exchanges: readonly Exchange[],
  endMs: number,
): readonly FaultRow[] {
  const joined = joins
    .flatMap(({ outcome, endedMs, retries }) =>
      outcome === 'joined' && endedMs !== undefined ? [{ endedMs, retries }] : [],
    )
    .toSorted((a, b) => a.endedMs - b.endedMs);
  return happened.map(({ fault, fromMs, mendedMs }, index) => {
    const untilMs = happened[index + 1]?.fromMs ?? endMs;
    const isIn = ({ endedMs }: { readonly endedMs: number }): boolean => endedMs >= fromMs && endedMs < untilMs;
    const own = joined.filter(isIn);
    const first = joined.find(({ endedMs }) => endedMs >= mendedMs);
    const refused = exchanges.filter((exchange) => exchange.kind !== 'ok' && isIn(exchange));
    return {
      fault,
      atSeconds: fromMs / 1_000,
      lastedSeconds: (mendedMs - fromMs) / 1_000,
      joins: own.length,
      retried: own.filter(({ retries }) => retries > 0).length,
      refused: countsOf(refused.map(({ outcome }) => outcome)),
      stillSeconds: longestGap([fromMs, ...own.map(({ endedMs }) => endedMs), untilMs]) / 1_000,
      recoverySeconds: first === undefined ? undefined : (first.endedMs - mendedMs) / 1_000,
    };
  });
}

function countsOf(kinds: readonly string[]): Record<string, number> {
  const groups = Map.groupBy(kinds, (kind) => kind);
  return Object.fromEntries([...groups].map(([kind, those]) => [kind, those.length]));
}

const longestGap = (times: readonly number[]): number =>
  times.reduce((longest, time, index) => Math.max(longest, time - (times[index - 1] ?? time)), 0);

const HEADINGS = [
  'fault',
  'at',
  'lasted',
  'joins',
  'retried',
  'still',
  'recovered',
  'not answered with a certificate or challenge',
];

/** For a person. */
export function renderReport(report: SoakReport): string {
  const { figures, findings } = report;
  const rows = report.faults.map((row) => [
    row.fault,
    clock(row.atSeconds),
    seconds(row.lastedSeconds),
    String(row.joins),
    String(row.retried),
    seconds(row.stillSeconds),
    row.recoverySeconds === undefined ? 'never' : seconds(row.recoverySeconds),
    Object.entries(row.refused)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', '),
  ]);
  const offered = `${report.offeredPerSecond} joins/s offered, ${report.joinsPerSecond.toFixed(1)} reached`;
  const away = report.turnedAway === 0 ? '' : `, ${report.turnedAway} not begun: every machine was joining`;
  return [
    `${report.minutes.toFixed(1)} minutes, ${report.replicas} replicas, key server: ${report.keyServer}; ${offered}${away}`,
    ...report.skipped.map((fault) => `SKIPPED: ${fault}: this machine lets nobody mount a small disk`),
    '',
    ...columns([HEADINGS, ...rows]),
    '',
    `${report.joins} joins, ${figures.received} certificates received, ${figures.issued} issued (${figures.answersLost} of them in answers that were lost)`,
    `${figures.gaveUp} agents ran out of patience, with no certificate`,
    `the last join ended ${seconds(report.drainedSeconds)} after the load`,
    `${figures.orphaned} orphaned, ${figures.open} intents open, ${figures.records} audit records`,
    ...(findings.length === 0 ? ['Nothing was lost.'] : findings.map(renderFinding)),
    '',
  ].join('\n');
}

const renderFinding = ({ rule, count, examples }: Finding): string =>
  `NOT TRUE: ${rule} (${count}): ${examples.join('; ')}${count > examples.length ? '; …' : ''}`;

/** Columns as wide as what is in them; the last as it is. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(column === row.length - 1 ? 0 : (widths[column] ?? 0))).join('  '),
  );
}

const seconds = (value: number): string => `${value.toFixed(1)} s`;

/** Minutes and seconds. */
export const clock = (value: number): string =>
  `${Math.floor(value / 60)}:${String(Math.floor(value % 60)).padStart(2, '0')}`;
