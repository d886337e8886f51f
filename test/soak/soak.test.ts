import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { postgresPrograms } from '#test/lab/postgres.ts';

/** Of load; starting and letting the last joins end come on top. A release is soaked for ten: npm run soak. */
const MINUTES = 2;
/** The load, an agent's whole patience, and what starting takes on a machine with much to do. */
const ENDS_WITHIN_MS = (MINUTES + 6) * 60_000;

const reportSchema = z.object({
  skipped: z.array(z.string()),
  faults: z.array(z.object({ fault: z.string() })),
  joins: z.number(),
  joinsPerSecond: z.number(),
  findings: z.array(z.unknown()),
});

describe.skipIf(postgresPrograms() === undefined)(`${MINUTES} minutes of faults under load (postgresql)`, () => {
  let report: z.output<typeof reportSchema>;
  const times = (fault: string): number => report.faults.filter((one) => one.fault === fault).length;

  beforeAll(async () => {
    const program = join(import.meta.dirname, '../../scripts/soak.ts');
    const args = [program, '--minutes', String(MINUTES), '-o', 'json'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const late = setTimeout(() => child.kill(), ENDS_WITHIN_MS);
    const [out] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    clearTimeout(late);
    report = reportSchema.parse(JSON.parse(out));
    console.log(`${report.joinsPerSecond.toFixed(1)} joins/s`);
  }, ENDS_WITHIN_MS + 30_000);

  test('lose no record, double no certificate, and are told of in documented words', () => {
    expect(report.findings).toEqual([]);
    expect(report.joins).toBeGreaterThan(500);
  });

  test('are each there once a minute', () => {
    const each = ['PostgreSQL restarted', 'key server sealed', 'replica killed -9'];
    expect(each.map(times)).toEqual(each.map(() => MINUTES));
  });

  test('fill the disk once a minute', ({ skip }) => {
    skip(report.skipped.includes('disk full'), 'this machine lets nobody mount a small disk (unshare)');
    expect(times('disk full')).toBe(MINUTES);
  });
});
