import { beforeAll, describe, expect, test } from 'vitest';

import type { Confirmation } from '#services/audit-export/confirmed-close.ts';
import { syslogDestination } from '#services/audit-export/syslog-destination.ts';
import { labChain } from '#test/lab/audit-records.ts';
import { labReceiverPki, type ReceiverPki } from '#test/lab/receiver-pki.ts';
import { hasRsyslog, type RsyslogDriver, startRsyslog } from '#test/lab/rsyslog.ts';

const NEVER = new AbortController().signal;
const RECORDS = labChain(200);

describe.each<[RsyslogDriver, Confirmation, boolean]>([
  ['ossl', 'close-notify', true],
  ['ossl', 'connection-end', true],
  ['gtls', 'connection-end', true],
  // It never answers a close_notify; the default is the safe one, and says what to do.
  ['gtls', 'close-notify', false],
])('rsyslog by %s, confirmed by %s', (driver, confirmation, isConfirmed) => {
  let pki: ReceiverPki;
  beforeAll(async () => {
    pki = await labReceiverPki();
  });

  test.skipIf(!hasRsyslog(driver))('has every record in order, and the sender knows it if it can', async () => {
    await using rsyslog = await startRsyslog(driver, pki);
    using destination = syslogDestination({
      name: 'siem',
      host: '127.0.0.1',
      port: rsyslog.port,
      serverName: 'localhost',
      confirmation,
      message: {
        facility: 'audit',
        enterpriseNumber: 32_473,
        hostname: 'muster-1',
        audience: 'muster.lab.example',
        maxMessageBytes: 65_536,
      },
      readTls: () => Promise.resolve({ ca: pki.ca, identity: undefined }),
      timeoutMs: 20_000,
    });
    const delivery = await destination.deliver(RECORDS, NEVER);
    expect(delivery.ok).toBe(isConfirmed);
    const hashes = (await rsyslog.written(RECORDS.length)).map((line) => /hash="([0-9a-f]+)"/.exec(line)?.[1]);
    expect(hashes).toEqual(RECORDS.map(({ hash }) => hash));
  });
});
