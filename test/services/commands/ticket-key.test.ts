import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { CommandFailure } from '#core/exit-code.ts';
import { rotateTicketKey, type RotateOptions } from '#services/commands/ticket-key.ts';
import { OPENS_AFTER_MS, parseTicketKeys } from '#services/join/ticket-keys.ts';
import { openTicketKeys } from '#services/ticket-key-source.ts';

const FIRST = `${'0a'.repeat(32)}\n`;
const NOON = new Date('2026-11-21T12:00:00.400Z');
let folder: string;
let file: string;
let now: Date;
let said: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-ticket-key-'));
  file = join(folder, 'ticket.key');
  writeFileSync(file, FIRST, { mode: 0o600 });
  now = NOON;
  said = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

const rotate = (options: Partial<RotateOptions> = {}): Promise<void> =>
  rotateTicketKey(
    { key: 'ticket.key', afterMinutes: 15, atOnce: false, ...options },
    {
      out: (text) => void (said += text),
      err: () => undefined,
      workingDirectory: folder,
      now: () => now,
      stopSignal: () => new AbortController().signal,
    },
  );
const read = () => parseTicketKeys(readFileSync(file));

describe('muster ticket-key rotate', () => {
  test('adds a key that seals when every replica has had the time to read it', async () => {
    await rotate();
    const keys = read();
    expect(keys.map(({ sealsFrom }) => sealsFrom)).toEqual([undefined, new Date('2026-11-21T12:15:01Z')]);
    expect(readFileSync(file, 'utf8').startsWith(FIRST)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(said).toContain('2026-11-21T12:15:01');
    expect(said).not.toMatch(/[0-9a-f]{64}/);
  });

  test('takes out the keys that nothing is opened with any more, and those alone', async () => {
    await rotate();
    now = new Date(NOON.getTime() + 16 * 60_000);
    await rotate();
    expect(read()).toHaveLength(3);
    now = new Date(now.getTime() + 15 * 60_000 + OPENS_AFTER_MS + 1_000);
    await rotate();
    expect(read()).toHaveLength(2);
  });

  test('leaves the file as it is while a key’s time is still to come', async () => {
    await rotate();
    const before = readFileSync(file);
    await expect(rotate()).rejects.toThrow(CommandFailure);
    expect(readFileSync(file)).toEqual(before);
  });

  test('keeps no other key where one may be known', async () => {
    await rotate();
    await rotate({ atOnce: true });
    const [only, ...others] = read();
    expect(others).toEqual([]);
    expect(only?.sealsFrom).toBeUndefined();
    expect(readFileSync(file, 'utf8')).not.toContain('0a'.repeat(32));
  });

  test.each<[string, Partial<RotateOptions>, number]>([
    ['no minutes', { afterMinutes: 0 }, 0o600],
    ['more than a week', { afterMinutes: 10_081 }, 0o600],
    ['what is no number', { afterMinutes: Number.NaN }, 0o600],
    ['a file that others may read', {}, 0o644],
    ['a file that is not there', { key: 'other.key' }, 0o600],
  ])('refuses %s', async (_, options, mode) => {
    chmodSync(file, mode);
    await expect(rotate(options)).rejects.toThrow(CommandFailure);
    expect(readFileSync(file, 'utf8')).toBe(FIRST);
  });
});

describe('the keys that a service has read', () => {
  test('are those of the file when it reads it again', async () => {
    const keys = await openTicketKeys(file);
    const old = keys.sealing(now);
    await rotate();
    expect(keys.opening(now)).toEqual([old]);
    expect(await keys.reload()).toBe(2);
    expect(keys.opening(now)).toHaveLength(2);
    expect(keys.sealing(now).id).toEqual(old.id);
    expect(keys.sealing(new Date(now.getTime() + 16 * 60_000)).id).not.toEqual(old.id);
  });

  test('stay as they were where the file is not what it should be', async () => {
    const keys = await openTicketKeys(file);
    writeFileSync(file, 'not a key');
    await expect(keys.reload()).rejects.toThrow('not ticket keys');
    writeFileSync(file, FIRST);
    chmodSync(file, 0o644);
    await expect(keys.reload()).rejects.toThrow('lets others at it');
    expect(keys.opening(now)).toHaveLength(1);
  });
});
