import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { permissionFault, PrivateFileError } from '#pki/private-file.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-passphrase-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, content: string | Uint8Array, mode = 0o600): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

async function codeOf(path: string): Promise<string> {
  try {
    await readPassphrase(path);
    return 'read';
  } catch (error) {
    if (error instanceof PrivateFileError) return error.code;
    throw error;
  }
}

describe('readPassphrase', () => {
  test.for<[string, string]>([
    ['no line end', 'correct horse'],
    ['a line feed', 'correct horse\n'],
    ['a carriage return and a line feed', 'correct horse\r\n'],
  ])('reads one line that ends in %s', async ([name, content]) => {
    const secret = await readPassphrase(await file(name, content));
    expect(Buffer.from(secret.reveal())).toEqual(utf8('correct horse'));
    expect(JSON.stringify({ secret })).toBe('{"secret":"[redacted]"}');
  });

  test.for<[string, string]>([
    ['two lines', 'correct horse\nbattery staple\n'],
    ['an empty line behind it', 'correct horse\n\n'],
    ['11 bytes', 'elevenbytes\n'],
    ['nothing', ''],
    ['1025 bytes', 'a'.repeat(1_025)],
  ])('refuses %s', async ([name, content]) => {
    expect(await codeOf(await file(name, content))).toBe('bad-content');
  });

  test('refuses more than it would read', async () => {
    expect(await codeOf(await file('large', 'a'.repeat(4_096)))).toBe('too-large');
  });

  test.for([0o600, 0o400, 0o700])('accepts mode %o', async (mode) => {
    expect(await codeOf(await file(`accepted-${mode}`, 'correct horse', mode))).toBe('read');
  });

  test.for([0o604, 0o602, 0o601, 0o620, 0o610, 0o644, 0o666])('refuses mode %o', async (mode) => {
    expect(await codeOf(await file(`refused-${mode}`, 'correct horse', mode))).toBe('readable-by-others');
  });

  test('refuses a directory, and judges a link by what it points to', async () => {
    const path = join(directory, 'directory');
    await mkdir(path, { mode: 0o700 });
    expect(await codeOf(path)).toBe('not-a-file');
    const link = join(directory, 'link');
    await symlink(await file('open', 'correct horse', 0o644), link);
    expect(await codeOf(link)).toBe('readable-by-others');
  });

  test('says nothing of the content when it refuses', async () => {
    const refusal = readPassphrase(await file('short', 'secret'));
    await expect(refusal).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }));
  });
});

describe('permissionFault', () => {
  const SERVICE = 990;
  const stats = (mode: number, uid: number, gid: number) => ({ mode, uid, gid, isFile: () => true });

  test.for<[string, Parameters<typeof permissionFault>[0], string | undefined]>([
    ['the service’s own file', stats(0o600, SERVICE, SERVICE), undefined],
    ['root’s file', stats(0o600, 0, 0), undefined],
    ['a systemd credential, whose ACL mask shows as group-read', stats(0o440, 0, 0), undefined],
    ['the same with group-write', stats(0o460, 0, 0), 'readable-by-others'],
    ['the same for everybody', stats(0o444, 0, 0), 'readable-by-others'],
    ['root’s file that another group reads', stats(0o440, 0, SERVICE), 'readable-by-others'],
    ['the service’s file that group root reads', stats(0o440, SERVICE, 0), 'readable-by-others'],
    ['another user’s file', stats(0o600, SERVICE + 1, SERVICE), 'owner-untrusted'],
  ])('judges %s', ([, file, code]) => {
    expect(permissionFault(file, SERVICE)?.code).toBe(code);
  });
});
