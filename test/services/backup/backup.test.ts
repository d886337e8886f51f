import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type BackupPlan, makeBackup, manifestFileOf } from '#services/backup/make-backup.ts';
import { restoreBackup, type RestorePlan } from '#services/backup/restore-backup.ts';
import { openSqliteSink, sqliteRows } from '#services/store/sqlite/sqlite-rows.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { Store } from '#services/store/store.ts';
import { TABLES } from '#services/store/transfer/tables.ts';
import { tamper } from '#test/lab/sqlite-store.ts';
import {
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labNodeId,
  labSerial,
  labTake,
  NOON,
} from '#test/lab/store-values.ts';

const SIGNING = generateKeyPairSync('ed25519');
const IDENTITY = await generateX25519Identity();
const RECIPIENT = await identityToRecipient(IDENTITY);

describe('a backup', () => {
  let folder: string;
  let path: string;
  const at = (name: string): string => join(folder, name);
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'muster-backup-'));
    path = join(folder, 'data', 'muster.db');
    await using store = await openSqliteStore({ path });
    await fill(store);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const plan = (override: Partial<BackupPlan> = {}): Omit<BackupPlan, 'source'> => ({
    files: [],
    out: at('backup.age'),
    sealing: { recipients: [RECIPIENT] },
    signingKey: SIGNING.privateKey,
    now: NOON,
    version: 'lab',
    ...override,
  });
  const make = async (override: Partial<BackupPlan> = {}) => {
    await using source = sqliteRows(path);
    return await makeBackup({ source, ...plan(override) });
  };
  const restoring = (override: Partial<RestorePlan> = {}): RestorePlan => ({
    file: at('backup.age'),
    opening: { identities: [IDENTITY] },
    signedBy: SIGNING.publicKey,
    sink: undefined,
    ...override,
  });

  test('holds every node, certificate, revocation and audit record, in a new store as in the old one', async () => {
    const manifest = await make();
    const restored = join(folder, 'restored', 'muster.db');
    await using sink = await openSqliteSink(restored);
    await restoreBackup(restoring({ sink }));
    await sink[Symbol.asyncDispose]();
    expect(await contentOf(restored)).toEqual(await contentOf(path));
    await using store = await openSqliteStore({ path: restored });
    expect(await store.auditHead()).toEqual(manifest.auditHead);
    expect(await store.findNode(labNodeId(1))).toMatchObject({ state: 'joined' });
    expect(await store.findCertificate(labSerial(1))).toMatchObject({ state: 'issued' });
    expect((await store.appendAudit(labEvent())).sequence).toBe(manifest.auditHead.sequence + 1);
  });

  test('is of one moment, while a service goes on writing', async () => {
    await using store = await openSqliteStore({ path });
    const before = await store.auditHead();
    let written = false;
    const manifest = await make({
      progress: () => {
        if (written) return;
        written = true;
        tamper(path, "update nodes set last_address = '10.9.9.9'");
      },
    });
    expect(written).toBe(true);
    expect(manifest.auditHead).toEqual(before);
    await restoreBackup(restoring());
  });

  test('opens for no other identity', async () => {
    await make();
    const another = await generateX25519Identity();
    await expect(restoreBackup(restoring({ opening: { identities: [another] } }))).rejects.toThrow(/identit/);
  });

  test('opens with its passphrase, where it has one', { timeout: 120_000 }, async () => {
    const passphrase = 'correct horse battery staple';
    const manifest = await make({ sealing: { passphrase } });
    expect(await restoreBackup(restoring({ opening: { passphrase } }))).toEqual({ manifest, files: [] });
  });

  test('shows nothing of what it holds, and takes files along that it was told to', async () => {
    const content = Buffer.from('a sealed key');
    await make({ files: [{ file: 'pki/issuing.key', content }] });
    expect(readFileSync(at('backup.age')).includes('worker-00001')).toBe(false);
    expect(readFileSync(manifestFileOf(at('backup.age')), 'utf8')).not.toContain('worker');
    const { files } = await restoreBackup(restoring());
    expect(files.map((one) => [one.file, Buffer.from(one.content).toString()])).toEqual([
      ['pki/issuing.key', 'a sealed key'],
    ]);
  });

  const edit = (file: string, change: (text: string) => string): void =>
    writeFileSync(file, change(readFileSync(file, 'latin1')), 'latin1');

  test.each<[string, (file: string) => void, RegExp]>([
    [
      'whose manifest was changed',
      (file) => edit(manifestFileOf(file), (text) => text.replace('"lab"', '"lob"')),
      /not signed by/,
    ],
    [
      'with a byte changed',
      (file) => edit(file, (text) => `${text.slice(0, -1)}${text.endsWith('x') ? 'y' : 'x'}`),
      /not the file/,
    ],
    ['that was cut', (file) => edit(file, (text) => text.slice(0, -100)), /not the file/],
  ])('%s is refused before it is opened', async (_, change, reason) => {
    await make();
    change(at('backup.age'));
    await expect(restoreBackup(restoring())).rejects.toThrow(reason);
  });

  test('signed by somebody else is refused', async () => {
    await make({ signingKey: generateKeyPairSync('ed25519').privateKey });
    await expect(restoreBackup(restoring())).rejects.toThrow(/not signed by/);
  });

  test('of a store whose audit log was tampered with is not made good', async () => {
    tamper(path, "update audit_records set actor = 'nobody' where sequence = 2");
    await expect(make()).rejects.toThrow(/audit log does not hold: record 2 is altered/);
  });

  test('is not written over another, nor restored into a store with anything in it', async () => {
    await make();
    await expect(make()).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(openSqliteSink(path)).rejects.toThrow(/not empty/);
  });

  test('that fails on the way leaves nothing in the new store', async () => {
    await make();
    const restored = join(folder, 'restored', 'muster.db');
    await using sink = await openSqliteSink(restored);
    const failing = { write: async () => undefined, commit: () => Promise.reject(new Error('out of space')) };
    await expect(restoreBackup(restoring({ sink: failing }))).rejects.toThrow('out of space');
    await sink[Symbol.asyncDispose]();
    await using store = await openSqliteStore({ path: restored });
    expect((await store.auditHead()).sequence).toBe(0);
    expect(await store.listNodes({}, { limit: 10 })).toEqual([]);
  });
});

async function fill(store: Store): Promise<void> {
  await store.enrolNodes([labEnrolment(1), labEnrolment(2)], 'alice', NOON, [labEvent(), labEvent()]);
  const { ticketId } = labTake(1);
  await store.takeTicket(labTake(1));
  await store.reserveSerial(labIntent(1), ticketId, labEvent());
  await store.recordIssued(labIssued(1), labJoin(1), labEvent());
}

async function contentOf(path: string): Promise<unknown> {
  await using source = sqliteRows(path);
  const content = new Map<string, unknown[]>(TABLES.map(({ name }) => [name, []]));
  for await (const { table, rows } of source.batches()) content.get(table)?.push(...rows);
  return content;
}

test('no table of the schema is missing from a backup', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-tables-'));
  const path = join(folder, 'data', 'muster.db');
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
  database.close();
  rmSync(folder, { recursive: true });
  const ours = tables.map(({ name }) => name).filter((name) => !/^(?:kysely|sqlite)_/.test(String(name)));
  expect(new Set(ours)).toEqual(new Set(TABLES.map(({ name }) => name)));
});
