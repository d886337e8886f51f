import { describe, expect, test } from 'vitest';

import { verifyAuditChain } from '#core/audit-chain.ts';
import type { AuditRecord } from '#core/audit-record.ts';
import type { JoinRequestBody } from '#protocol/join.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { KILL_POINTS } from '#test/lab/kill-points.ts';
import { mortalService, type MortalService } from '#test/lab/mortal-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinBodyFor } from '#test/lab/wire.ts';

/** Kills in all. The steps take turns, with one from outside at no particular step in each round. MUSTER_KILLS raises the count. */
const KILLS = Number(process.env['MUSTER_KILLS'] ?? 40);
const ROUND = [...KILL_POINTS, 'from outside'] as const;

interface Outcome {
  readonly point: string;
  /** How the service answered when it was asked again after its restart. */
  readonly retried: string;
}

describe(`the service, killed ${KILLS} times in the middle of a join`, () => {
  test(
    'signs nothing off the record, and gives each join exactly one certificate',
    async () => {
      const tpm = labTpm();
      await using service = await mortalService(tpm);
      const outcomes: Outcome[] = [];
      let client = await service.start();
      for (let kill = 0; kill < KILLS; kill++) {
        const point = ROUND[kill % ROUND.length] ?? 'from outside';
        const body = await joinBodyFor(client, tpm);
        await dieInJoin(service, client, body, point, kill);
        client = await service.start();
        outcomes.push({ point, retried: await finishJoin(client, tpm, body) });
      }
      service.kill();
      await service.gone();

      await using store = await openSqliteStore({ path: service.databaseFile });
      const records = await everyRecord((after) => store.readAudit(after, 10_000));
      expect(verifyAuditChain(records, { stored: await store.auditHead() })).toMatchObject({ ok: true });
      expectEverySignatureOnRecord(service.signatures(), records);
      const issued = records.filter((record) => isRecordOf(record, 'certificate.issued'));
      expect(issued).toHaveLength(KILLS);
      expectRetriesAsDesigned(outcomes);
      console.log(summary(outcomes, service.signatures().length));
    },
    60_000 + KILLS * 10_000,
  );
});

/** Sends the join, which the process does not survive. One that is killed from outside may have answered just before. */
async function dieInJoin(
  service: MortalService,
  client: LabClient,
  body: JoinRequestBody,
  point: string,
  kill: number,
): Promise<void> {
  service.arm(point);
  // A different delay each round, so that outside kills fall all over a join's few milliseconds.
  const outside = point === 'from outside' ? setTimeout(service.kill, (kill / ROUND.length) % 16) : undefined;
  const answer = await client.send({ method: 'POST', path: '/v1/joins', body }).then(
    ({ status }) => status,
    () => 'no answer',
  );
  const outcomes = point === 'from outside' ? ['no answer', 201] : ['no answer'];
  expect({ point, answer }).toEqual({ point, answer: expect.toBeOneOf(outcomes) });
  await service.gone();
  clearTimeout(outside);
}

/** What an agent does: the same request again, and a new challenge where that is the advice or there is no end of waiting. */
async function finishJoin(client: LabClient, tpm: ReturnType<typeof labTpm>, body: JoinRequestBody): Promise<string> {
  const again = await client.send({ method: 'POST', path: '/v1/joins', body });
  if (again.status === 201) return 'same ticket';
  expect(again.problem).toBeOneOf(['state-conflict', 'challenge-invalid']);
  const anew = await client.send({ method: 'POST', path: '/v1/joins', body: await joinBodyFor(client, tpm) });
  expect(anew.status).toBe(201);
  return `${again.problem}, then a new challenge`;
}

function expectEverySignatureOnRecord(signatures: readonly string[], records: readonly AuditRecord[]): void {
  const intended = records.flatMap((record) => (isRecordOf(record, 'certificate.signing') ? [record.facts] : []));
  const digests = new Set(intended.map(({ tbsDigest }) => tbsDigest));
  expect(signatures.filter((digest) => !digests.has(digest))).toEqual([]);
  // Every intent ended as an issued certificate or, where its process died, as an orphan.
  const serialsOf = (type: 'certificate.issued' | 'certificate.orphaned'): string[] =>
    records.flatMap((record) => (isRecordOf(record, type) ? [record.facts.serial] : []));
  const ended = [...serialsOf('certificate.issued'), ...serialsOf('certificate.orphaned')];
  expect(ended.toSorted()).toEqual(intended.map(({ serial }) => serial).toSorted());
}

function expectRetriesAsDesigned(outcomes: readonly Outcome[]): void {
  for (const { point, retried } of outcomes) {
    if (point === 'from outside') continue;
    expect({ point, retried }).toEqual({ point, retried: expectedRetry(point) });
  }
}

/** Before the ticket is taken nothing has happened; after the certificate is on record it is the answer; between, the ticket is lost. */
function expectedRetry(point: string): string {
  if (['before takeTicket', 'after recordIssued'].includes(point)) return 'same ticket';
  const isIntended = ['after reserveSerial', 'before sign', 'after sign', 'before recordIssued'].includes(point);
  return `${isIntended ? 'challenge-invalid' : 'state-conflict'}, then a new challenge`;
}

async function everyRecord(read: (after: number) => Promise<readonly AuditRecord[]>): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  for (;;) {
    const page = await read(records.length);
    if (page.length === 0) return records;
    records.push(...page);
  }
}

function summary(outcomes: readonly Outcome[], signatures: number): string {
  const counts = Map.groupBy(outcomes, ({ point, retried }) => `${point}: ${retried}`);
  const lines = [...counts].map(([what, those]) => `  ${what} (${those.length})`);
  return `${outcomes.length} kills, ${signatures} signatures, ${outcomes.length} certificates\n${lines.join('\n')}`;
}
