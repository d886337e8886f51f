import { writeSync } from 'node:fs';

import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { NOON, labEnrolment, labEvent, labIntent, labIssued, labJoin, labTake } from '#test/lab/store-values.ts';

/**
 * A program that writes to the store at argv[2] until it is killed: joins from number argv[3] to argv[4], argv[5] at a time. It says on
 * standard output what was acknowledged, one line each, straight to the descriptor so that nothing said is lost with the process.
 */
const [path = '', from = '0', to = '0', parallel = '1'] = process.argv.slice(2);
const still = new Int32Array(new SharedArrayBuffer(4));

function say(...words: readonly (string | number)[]): void {
  for (;;) {
    try {
      writeSync(1, `${words.join(' ')}\n`);
      return;
    } catch (error) {
      // A pipe that nobody is reading just now; anything else is the end of this program.
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EAGAIN') throw error;
      Atomics.wait(still, 0, 0, 1);
    }
  }
}

let next = Number(from);
try {
  await using store = await openSqliteStore({ path });
  store.failure.addEventListener('abort', () => say('failure', store.failure.reason.name));
  say('ready');
  await Promise.all(Array.from({ length: Number(parallel) }, joinOnAndOn));

  async function joinOnAndOn(): Promise<void> {
    while (next < Number(to)) {
      const n = next;
      next += 1;
      await store.enrolNodes([labEnrolment(n)], 'admin:alice', NOON, []);
      say('enrolled', n);
      await store.takeTicket(labTake(n));
      say('taken', n);
      await store.reserveSerial(labIntent(n), labTake(n).ticketId, labEvent({ facts: { n } }));
      say('reserved', n);
      await store.recordIssued(labIssued(n), labJoin(n), labEvent({ facts: { n } }));
      say('issued', n);
      const { sequence, hash } = await store.appendAudit(labEvent({ facts: { n } }));
      say('appended', sequence, hash);
    }
  }
  say('done');
} catch (error) {
  say('rejected', error instanceof Error ? error.name : 'unknown');
  process.exitCode = 3;
}
