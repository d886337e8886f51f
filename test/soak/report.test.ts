import { describe, expect, test } from 'vitest';

import type { Happened } from '#scripts/soak/faults.ts';
import type { Exchange, LedgerJoin } from '#scripts/soak/ledger.ts';
import { faultRows, renderReport, type SoakReport } from '#scripts/soak/report.ts';

const joined = (endedMs: number, retries = 0): LedgerJoin => ({
  machine: 'worker-1',
  startedMs: 0,
  attempts: [],
  retries,
  endedMs,
  outcome: 'joined',
  installed: '01',
});

const refused = (endedMs: number, outcome: string): Exchange => ({
  step: 'join',
  sentMs: endedMs - 10,
  endedMs,
  outcome,
  kind: 'problem',
  requestId: undefined,
});

const HAPPENED: readonly Happened[] = [
  { fault: 'key server sealed', endsProcess: false, fromMs: 10_000, mendedMs: 14_000 },
  { fault: 'replica killed -9', endsProcess: true, fromMs: 20_000, mendedMs: 22_000 },
];
const JOINS = [joined(9_000), joined(11_000), joined(15_500, 1), joined(19_000), joined(23_000)];
const EXCHANGES = [
  refused(9_500, 'overloaded'),
  refused(12_000, 'dependency-unavailable'),
  refused(12_500, 'dependency-unavailable'),
  refused(13_000, 'state-conflict'),
];

const REPORT: SoakReport = {
  minutes: 2,
  replicas: 3,
  keyServer: 'double',
  skipped: [],
  offeredPerSecond: 50,
  turnedAway: 0,
  joins: 5,
  joinsPerSecond: 0.2,
  drainedSeconds: 3,
  faults: faultRows(HAPPENED, JOINS, EXCHANGES, 30_000),
  figures: { records: 20, issued: 5, received: 5, answersLost: 0, gaveUp: 0, orphaned: 1, open: 0 },
  findings: [],
};

describe('the report of a soak', () => {
  test('counts for each fault what happened from its beginning to the next one’s', () => {
    expect(REPORT.faults).toEqual([
      {
        fault: 'key server sealed',
        atSeconds: 10,
        lastedSeconds: 4,
        joins: 3,
        retried: 1,
        refused: { 'dependency-unavailable': 2, 'state-conflict': 1 },
        stillSeconds: 4.5,
        recoverySeconds: 1.5,
      },
      {
        fault: 'replica killed -9',
        atSeconds: 20,
        lastedSeconds: 2,
        joins: 1,
        retried: 0,
        refused: {},
        stillSeconds: 7,
        recoverySeconds: 1,
      },
    ]);
  });

  test('says where nothing succeeded after a fault', () => {
    const [row] = faultRows(HAPPENED.slice(0, 1), [joined(9_000)], [], 30_000);
    expect(row).toMatchObject({ joins: 0, stillSeconds: 20, recoverySeconds: undefined });
  });

  test('ends with the rules that were broken, or says that none was', () => {
    expect(renderReport(REPORT)).toMatch(/Nothing was lost\.\n$/);
    const findings = [{ rule: 'every fault was felt', count: 7, examples: ['one', 'two'] }];
    expect(renderReport({ ...REPORT, findings })).toMatch(/NOT TRUE: every fault was felt \(7\): one; two; …\n$/);
  });

  test('says what this machine could not do', () => {
    expect(renderReport({ ...REPORT, skipped: ['disk full'] })).toContain('SKIPPED: disk full');
  });
});
