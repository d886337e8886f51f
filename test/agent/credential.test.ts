import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import * as nodeFs from 'node:fs/promises';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { FileOperations } from '#agent/atomic-file.ts';
import { installCredential } from '#agent/credential.ts';
import { systemRandom } from '#core/random.ts';
import { labKey, labNodeCa } from '#test/lab/node-ca.ts';
import { localSigner } from '#pki/signer-file.ts';

import { labAnswer } from './lab-answer.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-credential-'));
});
afterEach(() => rm(directory, { recursive: true }));

const ca = await labNodeCa();

/** A key and the certificate for it. */
async function newCredential() {
  const key = labKey();
  const answer = await labAnswer(ca.issuing, { spki: localSigner(key).spki });
  return { keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(), chainPem: answer.certificate.chainPem };
}

const deps = { random: systemRandom };
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

/** True for a file that a kubelet could load: a certificate, and the key that it is for. */
function isPair(pem: string): boolean {
  return new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem));
}

describe('an installed credential', () => {
  test('is one file of certificate, issuer and key, for its owner alone', async () => {
    const file = await installCredential(join(directory, 'a', 'b'), await newCredential(), deps);
    expect(file).toBe(join(directory, 'a', 'b', 'node.pem'));
    expect(isPair(await readFile(file, 'utf8'))).toBe(true);
    expect(await modeOf(file)).toBe(0o600);
    expect(await modeOf(join(directory, 'a', 'b'))).toBe(0o700);
    expect(await readdir(join(directory, 'a', 'b'))).toEqual(['node.pem']);
  });

  test('takes over a directory that was open to others, and shuts it', async () => {
    await chmod(directory, 0o777);
    await installCredential(directory, await newCredential(), deps);
    expect(await modeOf(directory)).toBe(0o700);
  });

  test('is private whatever the process’s umask', async () => {
    const umask = process.umask(0);
    try {
      const file = await installCredential(join(directory, 'new'), await newCredential(), deps);
      expect(await modeOf(file)).toBe(0o600);
      expect(await modeOf(join(directory, 'new'))).toBe(0o700);
    } finally {
      process.umask(umask);
    }
  });

  test('replaces a symbolic link instead of writing where it points', async () => {
    await writeFile(join(directory, 'elsewhere'), 'not to be touched');
    await mkdir(join(directory, 'credential'));
    await symlink(join(directory, 'elsewhere'), join(directory, 'credential', 'node.pem'));
    await installCredential(join(directory, 'credential'), await newCredential(), deps);
    expect(await readFile(join(directory, 'elsewhere'), 'utf8')).toBe('not to be touched');
  });

  test('clears away what a killed agent left, but not what another may be writing now', async () => {
    const old = join(directory, '.node.pem.0000000000000000.tmp');
    const young = join(directory, '.node.pem.1111111111111111.tmp');
    await writeFile(old, 'half a key');
    await writeFile(young, 'half a key');
    await utimes(old, 0, 0);
    await installCredential(directory, await newCredential(), deps);
    expect((await readdir(directory)).toSorted()).toEqual(['.node.pem.1111111111111111.tmp', 'node.pem']);
  });

  test.each(['ENOSPC', 'EIO'])(
    'that cannot be written (%s) leaves the earlier one, and no half of a new one',
    async (code) => {
      const file = await installCredential(directory, await newCredential(), deps);
      const before = await readFile(file, 'utf8');
      const full: FileOperations = {
        ...nodeFs,
        open: async (...args) => {
          const handle = await nodeFs.open(...args);
          handle.sync = () => Promise.reject(Object.assign(new Error(code), { code, syscall: 'fsync' }));
          return handle;
        },
      };
      const installing = installCredential(directory, await newCredential(), { ...deps, fs: full });
      await expect(installing).rejects.toMatchObject({ code });
      expect(await readFile(file, 'utf8')).toBe(before);
      expect(await readdir(directory)).toEqual(['node.pem']);
    },
  );
});

describe('an agent killed while it installs', () => {
  const child = (...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'kill-during-install.ts'), ...args], { encoding: 'utf8' });

  test(
    'leaves the earlier credential or the new one, whole, at whatever moment it dies',
    { timeout: 60_000 },
    async () => {
      const credentials = [await newCredential(), await newCredential()].map(
        ({ chainPem, keyPem }) => `${chainPem}${keyPem}`,
      );
      const [before = '', after = ''] = credentials;
      const pemFile = join(directory, 'new.pem');
      await writeFile(pemFile, after);
      const file = join(directory, 'credential', 'node.pem');
      const prepare = async (): Promise<void> => {
        await mkdir(join(directory, 'credential'), { recursive: true });
        await writeFile(file, before);
      };
      await prepare();
      const steps = Number(child(directory, pemFile, 'none').stdout);
      expect(steps).toBeGreaterThan(15);
      const seen = new Set<string>();
      for (let step = 0; step < steps; step++) {
        await prepare();
        expect(child(directory, pemFile, String(step)).signal).toBe('SIGKILL');
        const found = await readFile(file, 'utf8');
        expect([before, after]).toContain(found);
        expect(isPair(found)).toBe(true);
        seen.add(found);
      }
      expect(seen.size).toBe(2);
    },
  );

  test('leaves none, or a whole one, where there was none before', { timeout: 60_000 }, async () => {
    const { chainPem, keyPem } = await newCredential();
    const pemFile = join(directory, 'new.pem');
    await writeFile(pemFile, `${chainPem}${keyPem}`);
    for (let step = 2; step < 9; step += 2) {
      await rm(join(directory, 'credential'), { recursive: true, force: true });
      expect(child(directory, pemFile, String(step)).signal).toBe('SIGKILL');
      const found = await readFile(join(directory, 'credential', 'node.pem'), 'utf8').catch(() => undefined);
      expect(found === undefined || isPair(found)).toBe(true);
    }
  });
});
