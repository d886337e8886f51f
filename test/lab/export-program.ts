import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { AuditExporter } from '#services/audit-export/audit-exporter.ts';
import { syslogDestination } from '#services/audit-export/syslog-destination.ts';
import { pauseUntil } from '#services/compose/monotonic.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { silentLog } from '#test/fakes/silent-log.ts';

/**
 * A program: exports the audit log of the SQLite store in the folder that is its first argument to the receiver on the port that is its second. With
 * a third, it dies as from kill -9 when that many deliveries were confirmed, before the cursor is moved for the last of them.
 */
const [folder = '', port = '', lives] = process.argv.slice(2);
const store = await openSqliteStore({ path: join(folder, 'data', 'muster.db') });
const ca = readFileSync(join(folder, 'ca.pem'), 'utf8');
const destination = syslogDestination({
  name: 'siem',
  host: '127.0.0.1',
  port: Number(port),
  serverName: '127.0.0.1',
  confirmation: 'close-notify',
  message: {
    facility: 'audit',
    enterpriseNumber: 32_473,
    hostname: 'muster-1',
    audience: 'muster.lab.example',
    maxMessageBytes: 65_536,
  },
  readTls: () => Promise.resolve({ ca, identity: undefined }),
  timeoutMs: 30_000,
});
let left = lives === undefined ? Number.POSITIVE_INFINITY : Number(lives);
const exporter = new AuditExporter({
  destination: {
    ...destination,
    deliver: async (records, stop) => {
      const delivery = await destination.deliver(records, stop);
      left -= 1;
      if (left <= 0) process.kill(process.pid, 'SIGKILL');
      return delivery;
    },
  },
  store,
  now: systemClock,
  random: systemRandom,
  pause: pauseUntil,
  log: silentLog,
  onDelivered: () => undefined,
  onFailure: () => undefined,
});
await exporter.run(new AbortController().signal);
