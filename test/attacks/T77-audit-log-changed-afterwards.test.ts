import { beforeAll, describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { syslogDestination } from '#services/audit-export/syslog-destination.ts';
import { pauseUntil } from '#services/compose/monotonic.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { startLabExporter } from '#test/lab/audit-export-lab.ts';
import { appendMany } from '#test/lab/audit-records.ts';
import { labReceiverPki, type ReceiverPki } from '#test/lab/receiver-pki.ts';
import { labStorePath, tamper } from '#test/lab/sqlite-store.ts';
import type { SyslogMessage } from '#test/lab/syslog-parser.ts';
import { startSyslogReceiver } from '#test/lab/syslog-receiver.ts';

const RECORDS = 12;

/** What a receiver finds by itself: the first number at which the chain of what it has does not hold. */
function firstBreak(messages: readonly SyslogMessage[]): number | undefined {
  let last = { sequence: 0, hash: '0'.repeat(64) };
  for (const { text, structuredData } of messages) {
    const { sequence = '', hash = '', previousHash } = structuredData['muster@32473'] ?? {};
    const isNext = Number(sequence) === last.sequence + 1 && previousHash === last.hash;
    if (!isNext || sha256Hex(utf8(text)) !== hash) return last.sequence + 1;
    last = { sequence: Number(sequence), hash };
  }
  return undefined;
}

describe('T77 the audit log is changed by whoever can write to the database', () => {
  let pki: ReceiverPki;
  beforeAll(async () => {
    pki = await labReceiverPki();
  });

  // Each after 6 of 12 records are outside.
  test.each<[string, string, number | undefined]>([
    ['T77 nothing is changed: the row that passes', 'update audit_head set sequence = sequence', undefined],
    [
      'T77 a record that is not outside yet says something else',
      "update audit_records set actor = 'nobody' where sequence = 9",
      9,
    ],
    [
      'T77 … and has facts that were never sealed',
      `update audit_records set facts = '{"n":0.5}' where sequence = 9`,
      9,
    ],
    ['T77 … and a time that is none', "update audit_records set at = 'never' where sequence = 9", 9],
    ['T77 a record that is not outside yet is gone', 'delete from audit_records where sequence = 9', 9],
    ['T77 … and the numbers are closed up', 'update audit_records set sequence = sequence - 1 where sequence > 6', 7],
    [
      'T77 what is outside is rewritten, and what follows is linked to that',
      `update audit_records set previous_hash = '${'a'.repeat(64)}' where sequence = 7`,
      7,
    ],
  ])('%s', async (_, sql, found) => {
    const { path, remove } = labStorePath();
    const { ca, identity } = pki;
    try {
      await using store = await openSqliteStore({ path });
      await using receiver = await startSyslogReceiver({ identity });
      const destination = syslogDestination({
        name: 'siem',
        host: '127.0.0.1',
        port: receiver.port,
        serverName: '127.0.0.1',
        confirmation: 'close-notify',
        message: {
          facility: 'audit',
          enterpriseNumber: 32_473,
          hostname: 'm',
          audience: 'muster',
          maxMessageBytes: 65_536,
        },
        readTls: () => Promise.resolve({ ca, identity: undefined }),
        timeoutMs: 10_000,
      });
      await appendMany(store, RECORDS / 2);
      const before = startLabExporter({ destination, store, pause: pauseUntil });
      await receiver.untilThereAre(RECORDS / 2);
      await expect.poll(before.delivered, { timeout: 10_000 }).toBe(RECORDS / 2);
      await before.stop();
      await appendMany(store, RECORDS / 2);
      if (sql.includes('- 1')) tamper(path, 'delete from audit_records where sequence = 7');
      tamper(path, sql.replace('sequence > 6', 'sequence > 7'));
      await using _after = startLabExporter({ destination, store, pause: pauseUntil });
      const left = sql.startsWith('delete') || sql.includes('- 1') ? RECORDS - 1 : RECORDS;
      await receiver.untilThereAre(left);
      expect(receiver.faults).toEqual([]);
      expect(firstBreak(receiver.messages)).toBe(found);
    } finally {
      remove();
    }
  });
});
