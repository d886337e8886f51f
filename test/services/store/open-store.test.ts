import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { AUDIT_GENESIS } from '#core/audit-record.ts';
import { DependencyError } from '#core/dependency-error.ts';
import { openDatabase, readPragma } from '#services/store/sqlite/open-database.ts';
import { type OpenOperations, openSqliteOperations } from '#services/store/sqlite/sqlite-operations.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { labStorePath, tamper } from '#test/lab/sqlite-store.ts';
import { NOON, labEnrolment, labEvent } from '#test/lab/store-values.ts';

describe('a store’s file', () => {
  let path: string;
  let remove: () => void;
  beforeEach(() => {
    ({ path, remove } = labStorePath());
  });
  afterEach(() => remove());

  const open = (at = path): Promise<OpenOperations> =>
    openSqliteOperations(at, (commit) => setImmediate(() => void commit()));
  /** A store that was used and closed: 200 nodes, as many records. */
  const used = async (): Promise<void> => {
    const { operations, close } = await open();
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    const events = numbers.map((n) => labEvent({ facts: { n } }));
    await operations.enrolNodes(
      numbers.map((n) => labEnrolment(n)),
      'admin:alice',
      NOON,
      events,
    );
    close();
  };
  const mode = (of: string): string => (statSync(of).mode & 0o777).toString(8);

  test('is its owner’s alone, and so are its log and its directory', async () => {
    const deep = join(dirname(path), 'made', 'here', 'muster.db');
    const { operations, close } = await open(deep);
    await operations.appendAudit(labEvent());
    const files = readdirSync(dirname(deep));
    expect(files.toSorted()).toEqual(['muster.db', 'muster.db-shm', 'muster.db-wal', 'muster.db.lock']);
    for (const file of files) expect([file, mode(join(dirname(deep), file))]).toEqual([file, '600']);
    expect([mode(dirname(deep)), mode(dirname(dirname(deep)))]).toEqual(['700', '700']);
    close();
  });

  test.each([
    { given: 'nothing open to others', file: 0o600, directory: 0o700, opens: true },
    { given: 'a file that the group may read', file: 0o640, directory: 0o700, opens: false },
    { given: 'a file that others may write', file: 0o602, directory: 0o700, opens: false },
    { given: 'a directory that the group may enter', file: 0o600, directory: 0o710, opens: false },
    { given: 'a directory that others may write', file: 0o600, directory: 0o703, opens: false },
  ])('given $given, is opened or refused: $opens', async ({ file, directory, opens }) => {
    await used();
    chmodSync(path, file);
    chmodSync(dirname(path), directory);
    const opened = await open().then(
      ({ close }) => {
        close();
        return true;
      },
      () => false,
    );
    chmodSync(dirname(path), 0o700);
    expect(opened).toBe(opens);
  });

  test('is not opened through a symbolic link', async () => {
    await used();
    const link = join(dirname(path), 'link.db');
    symlinkSync(path, link);
    await expect(open(link)).rejects.toThrow('ELOOP');
  });

  test('is opened again with everything in it', async () => {
    await used();
    const { operations, close } = await open();
    expect(await operations.findNode(labEnrolment(199).id)).toMatchObject({ name: labEnrolment(199).name });
    expect(await operations.auditHead()).toMatchObject({ sequence: 200 });
    close();
  });

  test('is one file, beside its empty lock, once it is closed', async () => {
    await used();
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['muster.db', 'muster.db.lock']);
    expect(statSync(`${path}.lock`).size).toBe(0);
  });

  test('is one store’s at a time, and free when that is closed', async () => {
    const { close } = await open();
    await expect(open()).rejects.toThrow('in use by another process');
    close();
    const again = await open();
    again.close();
  });

  test('is refused while another process has it, and free when that was killed', async () => {
    const args = ['test/lab/store-writer.ts', path, '0', '1000000', '1'];
    const other = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    await expect(open()).rejects.toThrow('in use by another process');
    other.stdout.resume();
    other.kill('SIGKILL');
    await once(other, 'close');
    const { close } = await open();
    close();
  });

  test.each([
    ['busy_timeout', 5_000],
    ['journal_mode', 'wal'],
    ['synchronous', 2],
    ['foreign_keys', 1],
    ['trusted_schema', 0],
    ['cell_size_check', 1],
  ])('is read and written with %s = %s', async (name, value) => {
    await used();
    for (const readOnly of [false, true]) {
      const writer = openDatabase(path, { readOnly: false });
      const database = readOnly ? openDatabase(path, { readOnly }) : writer;
      expect(readPragma(database, name)).toBe(value);
      if (readOnly) database.close();
      writer.close();
    }
  });

  test('is refused where SQLite will not keep a setting', () => {
    // A database in memory has no write-ahead log, whatever it is told.
    expect(() => openDatabase(':memory:', { readOnly: false })).toThrow('journal_mode = memory');
  });

  const flip = (at: number, length: number): void => {
    const bytes = readFileSync(path);
    bytes.fill(0xa5, at, at + length);
    writeFileSync(path, bytes);
  };
  /** Overwrites the page that holds a node's name, in the table or in the index, whichever comes first. */
  const flipPageOf = (name: string): void => {
    const at = readFileSync(path).indexOf(name);
    expect(at).toBeGreaterThan(0);
    flip(at - (at % 4_096), 4_096);
  };
  test.each([
    { given: 'nothing', damage: () => undefined, opens: true },
    { given: 'its header overwritten', damage: () => flip(0, 64), opens: false },
    { given: 'its schema page overwritten', damage: () => flip(100, 3_000), opens: false },
    { given: 'a page of records overwritten', damage: () => flip(statSync(path).size - 4_096, 4_096), opens: false },
    { given: 'a page of nodes overwritten', damage: () => flipPageOf(labEnrolment(100).name), opens: false },
    { given: 'its second half cut off', damage: () => truncateSync(path, 4_096 * 10), opens: false },
    { given: 'its last page cut off', damage: () => truncateSync(path, statSync(path).size - 4_096), opens: false },
    {
      given: 'something else in its place',
      damage: () => writeFileSync(path, 'not a database, long enough'),
      opens: false,
    },
    {
      given: 'the newest audit record gone',
      damage: () => tamper(path, 'delete from audit_records where sequence = 200'),
      opens: false,
    },
    {
      given: 'an audit record more than the head knows',
      damage: () => tamper(path, 'update audit_head set sequence = 199'),
      opens: false,
    },
    {
      given: 'another hash in the head',
      damage: () => tamper(path, 'update audit_head set hash = ?', AUDIT_GENESIS),
      opens: false,
    },
    { given: 'no audit records', damage: () => tamper(path, 'delete from audit_records'), opens: false },
    { given: 'no head', damage: () => tamper(path, 'delete from audit_head'), opens: false },
    {
      given: 'a schema of a later release',
      damage: () => tamper(path, "insert into kysely_migration values ('9999-later', '2030-01-01T00:00:00.000Z')"),
      opens: false,
    },
  ])('with $given, is opened or reported: $opens', async ({ damage, opens }) => {
    await used();
    damage();
    const opened = await open().then(
      ({ close }) => {
        close();
        return true;
      },
      (error: unknown) => error instanceof Error && error.message.length === 0,
    );
    expect(opened).toBe(opens);
  });

  test('that is damaged while it is open ends the store at the first read that meets the damage', async () => {
    await used();
    const store = await openSqliteStore({ path });
    flipPageOf(labEnrolment(100).name);
    await expect(store.findNodeByName(labEnrolment(100).name)).rejects.toThrow(DependencyError);
    expect(store.failure.reason).toBeInstanceOf(DependencyError);
    await expect(store.auditHead()).rejects.toBe(store.failure.reason);
    await store[Symbol.asyncDispose]();
  });

  test('is left to whoever looks into it when it is refused', async () => {
    await used();
    flip(100, 3_000);
    const before = readFileSync(path);
    await expect(open()).rejects.toThrow(/malformed|database/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('keeps its schema when a migration fails half-way', async () => {
    const database = new DatabaseSync(path);
    database.exec('create table audit_head (somebody text)');
    database.close();
    chmodSync(path, 0o600);
    await expect(open()).rejects.toThrow('audit_head');
    const after = new DatabaseSync(path);
    const tables = after.prepare("select name from sqlite_schema where type = 'table' order by name").all();
    expect(tables.map((row) => row['name'])).toEqual(['audit_head', 'kysely_migration', 'kysely_migration_lock']);
    after.close();
  });

  test('in a directory that is missing is made with its parents', async () => {
    mkdirSync(join(dirname(path), 'a'), { mode: 0o755 });
    const { close } = await open(join(dirname(path), 'a', 'b', 'muster.db'));
    close();
    expect(mode(join(dirname(path), 'a', 'b'))).toBe('700');
  });
});
