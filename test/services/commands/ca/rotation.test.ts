import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { encodePem } from '#pki/x509/pem.ts';
import { activateCa } from '#services/commands/ca/activate.ts';
import { signCaRequest } from '#services/commands/ca/certify.ts';
import { prepareCa } from '#services/commands/ca/prepare.ts';
import { retireCa } from '#services/commands/ca/retire.ts';
import { rotateRoot } from '#services/commands/ca/rotate-root.ts';
import { showCas } from '#services/commands/ca/show.ts';
import { trustRoots } from '#services/commands/ca/trust.ts';
import { init } from '#services/commands/init.ts';
import { loadServerConfig } from '#services/config/config.ts';
import { loadMaterial } from '#services/material.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';

import { recorder } from '../recorder.ts';

const NOW = new Date('2026-11-21T10:00:00Z');
const folder = mkdtempSync(join(tmpdir(), 'muster-ca-'));
const at = (path: string): string => join(folder, path);
const config = 'm/muster.yaml';
const offline = (name = 'm/pki/node-root.pem') => ({
  root: name,
  rootKey: name.includes('next') ? 'next-root/node-root.key' : 'm/offline/node-root.key',
  rootPassphraseFile: 'm/secrets/passphrase',
});

beforeAll(async () => {
  const { management } = await labNodeCa();
  writeFileSync(at('cluster-ca.pem'), encodePem('CERTIFICATE', management.certificate.der));
  const kubernetes = { kubernetesUrl: 'https://127.0.0.1:6443', kubernetesCa: 'cluster-ca.pem' };
  await init({ dir: 'm', ...kubernetes }, recorder(folder, NOW));
  writeFileSync(at(config), readFileSync(at(config), 'utf8').replace('port: 7443', 'port: 1'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const days = (count: number): Date => new Date(NOW.getTime() + count * 86_400_000);
const shown = async (now = NOW): Promise<readonly string[]> => {
  const person = recorder(folder, now);
  await showCas({ config }, person);
  return person.said.out.trimEnd().split('\n');
};
const idOf = async (role: string): Promise<string> =>
  (await shown()).find((line) => line.startsWith(role))?.split(/\s+/)[1] ?? 'none';
const material = async (now = NOW) =>
  loadMaterial(await loadServerConfig(at(config)), { now: () => now, credentialsDirectory: undefined });

describe('an issuing CA’s life, by command', () => {
  test('a dry run, and a refusal, leave every file as it was', async () => {
    const before = [readFileSync(at(config), 'utf8'), readdirSync(at('m/pki'))];
    await prepareCa({ config, ...offline(), dryRun: true }, recorder(folder, NOW));
    await expect(prepareCa({ config }, recorder(folder, NOW))).rejects.toThrow('where is the root?');
    await expect(activateCa(undefined, { config, now: true }, recorder(folder, NOW))).rejects.toThrow('announced');
    expect([readFileSync(at(config), 'utf8'), readdirSync(at('m/pki'))]).toEqual(before);
  });

  test('in two steps, with the root elsewhere, the next CA is announced and the service starts with it', async () => {
    await prepareCa({ config, request: 'issuing.csr' }, recorder(folder, NOW));
    expect(await idOf('next')).toBe('none');
    await signCaRequest('issuing.csr', { ...offline(), out: 'issuing.pem', days: 800 }, recorder(folder, NOW));
    const again = signCaRequest('issuing.csr', { ...offline(), out: 'issuing.pem' }, recorder(folder, NOW));
    await expect(again).rejects.toThrow('exists already');
    await prepareCa({ config, certificate: 'issuing.pem' }, recorder(folder, NOW));
    expect(await idOf('next')).toMatch(/^[0-9a-f]{40}$/);
    expect(readFileSync(at(config), 'utf8')).toContain('# Every quote is bound to this string');
    const key = readdirSync(at('m/pki')).find((name) => /^node-issuing-[0-9a-f]{12}\.key$/.test(name)) ?? '';
    expect(statSync(at(`m/pki/${key}`)).mode & 0o777).toBe(0o600);
    expect((await material()).otherAuthorities?.next).toHaveLength(2);
  });

  test('does not sign before the running service has told agents of it', async () => {
    await expect(activateCa(undefined, { config }, recorder(folder, NOW))).rejects.toThrow('does not say which CAs');
  });

  test('signs when it is activated, and gives the place back when the other is', async () => {
    const [old, next] = [await idOf('signing'), await idOf('next')];
    await activateCa(undefined, { config, now: true }, recorder(folder, NOW));
    expect([await idOf('signing'), await idOf('retired'), await idOf('next')]).toEqual([next, old, 'none']);
    expect((await material()).otherAuthorities?.retired).toHaveLength(1);
    await activateCa(old.slice(0, 8), { config, now: true }, recorder(folder, NOW));
    expect([await idOf('signing'), await idOf('retired')]).toEqual([old, next]);
    await activateCa(next, { config, now: true }, recorder(folder, NOW));
    expect(await idOf('signing')).toBe(next);
  });

  test('is not activated when it ends before a certificate of a day would', async () => {
    const old = await idOf('retired');
    const late = activateCa(old, { config, now: true }, recorder(folder, days(729.5)));
    await expect(late).rejects.toThrow('ends before a certificate of a day would');
  });

  test('is shown with the days between which it is to be replaced', async () => {
    expect((await shown())[0]).toContain('replace between');
    expect((await shown(days(780)))[0]).toContain('DUE: replace');
    expect((await shown(days(799.5)))[0]).toContain('OVERDUE');
  });

  test('keeps its key closed, and is left out, once it has ended', async () => {
    expect((await material(days(740))).otherAuthorities?.retired).toHaveLength(0);
  });

  test('is taken out when it is retired, and never while it signs', async () => {
    const [old, signing] = [await idOf('retired'), await idOf('signing')];
    await expect(retireCa(signing, { config, now: true }, recorder(folder, NOW))).rejects.toThrow('the one that signs');
    await expect(retireCa(old, { config }, recorder(folder, NOW))).rejects.toThrow('does not say which CAs');
    await retireCa(old, { config, now: true }, recorder(folder, NOW));
    expect(await idOf('retired')).toBe('none');
  });
});

describe('the root’s life, by command', () => {
  test('the next root is made whole, cross-signed, and under the same name', async () => {
    const made = { ...offline(), passphraseFile: 'm/secrets/passphrase', out: 'next-root' };
    await rotateRoot(made, recorder(folder, NOW));
    await expect(rotateRoot(made, recorder(folder, NOW))).rejects.toThrow('not empty');
    expect(readdirSync(at('next-root')).toSorted()).toEqual(['node-root.key', 'node-root.pem', 'node-roots.pem']);
    const roots = readFileSync(at('next-root/node-roots.pem'), 'utf8');
    expect(roots.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
  });

  test('issues nothing before it is trusted; trusted only where a present root has signed it', async () => {
    const early = prepareCa({ config, ...offline('next-root/node-root.pem') }, recorder(folder, NOW));
    await expect(early).rejects.toThrow('muster ca trust');
    const alone = trustRoots('next-root/node-root.pem', { config }, recorder(folder, NOW));
    await expect(alone).rejects.toThrow('agents would not follow');
    await trustRoots('next-root/node-roots.pem', { config }, recorder(folder, NOW));
    const lines = (await shown()).map((line) => line.split(/\s+/)[0]);
    expect(lines).toEqual(['signing', 'root', 'root', 'cross', 'cross']);
  });

  test('an issuing CA of the new root is sent with the way to the old one, and OpenSSL takes it with either', async () => {
    await prepareCa({ config, ...offline('next-root/node-root.pem') }, recorder(folder, NOW));
    await activateCa(undefined, { config, now: true }, recorder(folder, NOW));
    const { issuer } = await loadServerConfig(at(config));
    expect(existsSync(issuer.chain)).toBe(true);
    // Without the root itself: OpenSSL takes it for the end of the way when it is offered it, and does not go back.
    const ways = readFileSync(at('next-root/node-roots.pem'), 'utf8').split(/(?<=END CERTIFICATE-----\n)/);
    writeFileSync(at('crosses.pem'), ways.slice(1).join(''));
    const verify = (root: string): string =>
      execFileSync(
        'openssl',
        [
          'verify',
          '-attime',
          String(NOW.getTime() / 1_000 + 60),
          '-CAfile',
          at(root),
          '-untrusted',
          at('crosses.pem'),
          issuer.chain,
        ],
        { encoding: 'utf8' },
      );
    expect(verify('m/pki/node-root.pem')).toContain('OK');
    expect(verify('next-root/node-root.pem')).toContain('OK');
    const person = recorder(folder, NOW);
    await showCas({ config, roots: true }, person);
    expect(person.said.out.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });
});
