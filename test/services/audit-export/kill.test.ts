import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { appendMany } from '#test/lab/audit-records.ts';
import { labReceiverPki } from '#test/lab/receiver-pki.ts';
import { startSyslogReceiver } from '#test/lab/syslog-receiver.ts';

const PROGRAM = join(import.meta.dirname, '../../lab/export-program.ts');
const RECORDS = 1_200;

describe('an exporting process that is killed', () => {
  test('between what was delivered and the cursor has the next one deliver it again, and leaves out nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'muster-export-'));
    const children: ChildProcess[] = [];
    const start = (port: number, ...lives: readonly string[]): ChildProcess => {
      const child = spawn(process.execPath, [PROGRAM, folder, String(port), ...lives], { stdio: 'inherit' });
      children.push(child);
      return child;
    };
    try {
      const pki = await labReceiverPki();
      writeFileSync(join(folder, 'ca.pem'), pki.ca);
      mkdirSync(join(folder, 'data'), { mode: 0o700 });
      const path = join(folder, 'data', 'muster.db');
      await using receiver = await startSyslogReceiver({ identity: pki.identity });
      {
        await using store = await openSqliteStore({ path });
        await appendMany(store, RECORDS);
      }
      // The first dies over its first delivery, the second over its second.
      for (const [lives, arrived] of [
        ['1', 500],
        ['2', 1_500],
      ] as const) {
        expect(await once(start(receiver.port, lives), 'exit')).toEqual([null, 'SIGKILL']);
        expect(receiver.messages).toHaveLength(arrived);
      }
      const last = start(receiver.port);
      const numbers = () =>
        receiver.messages.map(({ structuredData }) => Number(structuredData['muster@32473']?.['sequence']));
      await receiver.untilThereAre(500 + 1_000 + 700);
      last.kill('SIGKILL');
      const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
      expect(numbers()).toEqual([...range(1, 500), ...range(1, 1_000), ...range(501, RECORDS)]);
      expect(receiver.faults).toEqual([]);
    } finally {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
