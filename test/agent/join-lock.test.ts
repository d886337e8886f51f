import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { acquireJoinLock } from '#agent/join-lock.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'muster-lock-')), 'credential');
});
afterEach(() => rm(join(directory, '..'), { recursive: true }));

function acquire(waitSeconds: number, isDone?: () => Promise<boolean>) {
  let elapsedMs = 0;
  const said: string[] = [];
  const lock = acquireJoinLock(
    { directory, waitSeconds, ...(isDone === undefined ? {} : { isDone }) },
    {
      sleep: (ms) => Promise.resolve(void (elapsedMs += ms)),
      elapsedMs: () => elapsedMs,
      progress: (line) => void said.push(line),
    },
  );
  return { lock, said };
}

describe('the lock that joins are made under', () => {
  test('is had by one at a time, who is waited for', async () => {
    const first = await acquire(0).lock;
    const second = acquire(60);
    await expect(second.lock).rejects.toThrow('has been joining for 60 s');
    expect(second.said).toEqual(['Another muster-agent on this machine is joining; waiting for it.']);
    first?.[Symbol.dispose]();
    using third = await acquire(0).lock;
    expect(third).toBeDefined();
  });

  test('is not waited for when its holder did what was wanted', async () => {
    using _ = await acquire(0).lock;
    let looked = 0;
    expect(await acquire(60, () => Promise.resolve(++looked === 3)).lock).toBeUndefined();
    expect(looked).toBe(3);
  });

  test('is an empty file in a directory that only its owner looks into', async () => {
    using _ = await acquire(0).lock;
    expect(await readdir(directory)).toEqual(['join.lock']);
    const { mode, size } = await stat(join(directory, 'join.lock'));
    expect({ mode: mode & 0o777, size }).toEqual({ mode: 0o600, size: 0 });
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  test('is not taken where something else is', async () => {
    (await acquire(0).lock)?.[Symbol.dispose]();
    await writeFile(
      join(directory, 'join.lock'),
      'something else, and longer than the header of a database'.repeat(10),
    );
    await expect(acquire(0).lock).rejects.toThrow('join.lock cannot be taken');
  });

  test('is free again when its holder was killed', async () => {
    const holder = spawn(process.execPath, [join(import.meta.dirname, 'hold-join-lock.ts'), directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await expect(acquire(1).lock).rejects.toThrow('has been joining');
    holder.kill('SIGKILL');
    await once(holder, 'close');
    using lock = await acquire(0).lock;
    expect(lock).toBeDefined();
  });
});
