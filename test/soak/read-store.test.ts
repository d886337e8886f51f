import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { readStore, rememberHeads } from '#scripts/soak/read-store.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import { type LabPostgres, postgresPrograms, startPostgres } from '#test/lab/postgres.ts';
import { labEnrolment, labEvent, labIntent, labIssued, labJoin, labTake, NOON } from '#test/lab/store-values.ts';

const bin = postgresPrograms();

describe.skipIf(bin === undefined)('what the soak reads of the database (postgresql)', () => {
  let server: LabPostgres;
  let place: PostgresPlace;
  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
    place = await server.createDatabase('muster');
    await using store = await openPostgresStore({ place, now: systemClock });
    await store.enrolNodes([labEnrolment(1)], 'admin:lab', NOON, []);
    await store.takeTicket(labTake(1));
    await store.reserveSerial(labIntent(1), labTake(1).ticketId, labEvent({ type: 'certificate.signing' }));
    await store.recordIssued(labIssued(1), labJoin(1), labEvent({ type: 'certificate.issued' }));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('is every record, the log’s head, and every certificate as its row has it', async () => {
    const { records, head, certificates } = await readStore(place);
    expect(records.map(({ type }) => type)).toEqual(['certificate.signing', 'certificate.issued']);
    expect(head).toEqual({ sequence: 2, hash: records.at(-1)?.hash });
    const { serial, spkiFingerprint, nodeName } = labIntent(1);
    const { fingerprint } = labIssued(1);
    const row = { serial, state: 'issued', node_name: nodeName, spki_fingerprint: spkiFingerprint, fingerprint };
    expect(certificates).toEqual([row]);
  });

  test('takes down the head as it stands, also after the server was away', async () => {
    const { head } = await readStore(place);
    using remembered = rememberHeads(place);
    await expect.poll(() => remembered.heads.at(-1), { timeout: 10_000 }).toEqual(head);
    await server.crashAndRestart();
    const before = remembered.heads.length;
    await expect.poll(() => remembered.heads.length, { timeout: 10_000 }).toBeGreaterThan(before);
    expect(remembered.heads.at(-1)).toEqual(head);
  });
});
