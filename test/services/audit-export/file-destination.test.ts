import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { fileDestination } from '#services/audit-export/file-destination.ts';
import { labChain } from '#test/lab/audit-records.ts';

const NEVER = new AbortController().signal;
const RECORDS = labChain(4);
const [first, second, third, fourth] = RECORDS.map((record) => [record]);

describe('a file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'muster-export-'));
    path = join(folder, 'audit.ndjson');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const destination = () => fileDestination({ name: 'file', path, render: ({ sequence }) => `{"n":${sequence}}` });
  const deliver = (records = RECORDS) => destination().deliver(records, NEVER);

  test('is made, and has one document a line', async () => {
    expect(await deliver()).toEqual({ ok: true, records: 4 });
    expect(readFileSync(path, 'utf8')).toBe('{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n');
    expect(statSync(path).mode & 0o137).toBe(0);
  });

  test('is gone on with, and nothing in it is changed', async () => {
    writeFileSync(path, '{"n":0}\n');
    await deliver(first);
    await deliver(second);
    expect(readFileSync(path, 'utf8')).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');
  });

  test('that was rotated away is not written to any more', async () => {
    const file = destination();
    await file.deliver(first ?? [], NEVER);
    renameSync(path, `${path}.1`);
    await file.deliver(second ?? [], NEVER);
    renameSync(path, `${path}.2`);
    writeFileSync(path, '');
    await file.deliver(third ?? [], NEVER);
    unlinkSync(path);
    await file.deliver(fourth ?? [], NEVER);
    const lines = [`${path}.1`, `${path}.2`, path].map((name) => readFileSync(name, 'utf8'));
    expect(lines).toEqual(['{"n":1}\n', '{"n":2}\n', '{"n":4}\n']);
  });

  test('that ends in half a line gets a new one', async () => {
    writeFileSync(path, '{"n":0}\n{"n');
    await deliver(first);
    expect(readFileSync(path, 'utf8')).toBe('{"n":0}\n{"n\n{"n":1}\n');
  });

  test.each<[string, () => void]>([
    ['a directory', () => mkdirSync(path)],
    ['a link', () => symlinkSync(join(folder, 'elsewhere'), path)],
    ['in a directory that is not there', () => rmSync(folder, { recursive: true })],
  ])('that is %s is not written', async (_, prepare) => {
    prepare();
    expect(await deliver()).toMatchObject({ ok: false, kind: 'storage' });
    mkdirSync(folder, { recursive: true });
  });

  test('that is a device is not written', async () => {
    const device = fileDestination({ name: 'file', path: '/dev/null', render: () => 'x' });
    expect(await device.deliver(RECORDS, NEVER)).toMatchObject({ ok: false, kind: 'storage' });
  });
});
