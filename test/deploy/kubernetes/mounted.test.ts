import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { init } from '#services/commands/init.ts';
import { recorder } from '#test/services/commands/recorder.ts';

import { FOLDER } from './manifests.ts';

function isRoot(): boolean {
  const isIt = process.getuid?.() === 0;
  if (!isIt) console.warn('SKIPPED: only root can lay files out as the kubelet does and look at them as another user');
  return isIt;
}

/** From what `muster init` made, and the PEM file of a site's other CAs, to the volumes that the page's commands fill. */
const SECRETS: Readonly<Record<string, string>> = {
  'tls/tls.crt': 'made/pki/server.pem',
  'tls/tls.key': 'made/pki/server.key',
  'keys/ticket.key': 'made/secrets/ticket.key',
  'keys/snapshot.key': 'made/secrets/snapshot.key',
};
const PUBLIC: Readonly<Record<string, string>> = {
  'certificates/node-issuing-chain.pem': 'made/pki/node-issuing-chain.pem',
  'certificates/management-ca.pem': 'made/pki/management-ca.pem',
  'certificates/kubernetes-ca.pem': 'made/pki/kubernetes-ca.pem',
  'certificates/vault-ca.pem': 'ca.pem',
  'certificates/db-ca.pem': 'ca.pem',
  'administrators/administrators.yaml': 'made/administrators.yaml',
};

/** Programs are started; on a busy machine that takes its time. */
const TIMEOUT = { timeout: 90_000 };

describe.skipIf(!isRoot())('with the Secrets and ConfigMaps that the page tells to make, the service', TIMEOUT, () => {
  let folder: string;
  const mounted = (name: string): string => join(folder, 'etc/muster', name);
  const mode = (volume: string, gid: number, bits: number): void => {
    for (const name of readdirSync(mounted(volume))) {
      chownSync(join(mounted(volume), name), 0, gid);
      chmodSync(join(mounted(volume), name), bits);
    }
  };
  const check = (gid: number, command = 'serve', config = 'config/muster.yaml') => {
    const args = ['cli/main.ts', command, '--check-config', '--config', mounted(config)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { uid: 65_532, gid, encoding: 'utf8' });
    return { status, said: `${stdout}${stderr}` };
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'muster-mounted-'));
    chmodSync(folder, 0o755);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'key.pem')];
    execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=site', '-out', join(folder, 'ca.pem')], {
      stdio: 'pipe',
    });
    const options = { dir: 'made', dns: ['muster.example.net'] };
    const cluster = { kubernetesUrl: 'https://api.example.net:6443', kubernetesCa: 'ca.pem' };
    await init({ ...options, ...cluster }, recorder(folder, new Date()));
    for (const volume of ['config', 'administrators', 'certificates', 'tls', 'keys', 'cluster'])
      mkdirSync(mounted(volume), { recursive: true });
    for (const [name, source] of Object.entries({ ...SECRETS, ...PUBLIC }))
      copyFileSync(join(folder, source), mounted(name));
    writeFileSync(mounted('keys/db-password'), 'of the laboratory');
    copyFileSync(join(FOLDER, 'example/policy.yaml'), mounted('config/policy.yaml'));
    const text = readFileSync(join(FOLDER, 'example/muster.yaml'), 'utf8');
    writeFileSync(mounted('config/muster.yaml'), text.replaceAll('/etc/muster/', `${mounted('.')}/`));
    for (const volume of ['config', 'administrators', 'certificates']) mode(volume, 0, 0o644);
  }, TIMEOUT.timeout);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('would start as the pod’s user and group', () => {
    for (const volume of ['tls', 'keys']) mode(volume, 0, 0o440);
    expect(check(0)).toEqual({
      status: 0,
      said: expect.stringContaining('is valid, and so is everything that it names'),
    });
  });

  test('would not start with Secrets of a group of its own, as fsGroup makes them', () => {
    for (const volume of ['tls', 'keys']) mode(volume, 65_532, 0o440);
    expect(check(65_532)).toEqual({
      status: 78,
      said: expect.stringContaining('ticket.key: mode 0440 lets others at it'),
    });
  });

  test('has an authorizer that would start with its host’s files, once they are its own', () => {
    cpSync(join(folder, 'made/for-authorizers'), mounted('authorizer'), { recursive: true });
    // Any certificate does here, for nobody calls.
    copyFileSync(join(folder, 'made/pki/server.pem'), mounted('authorizer/webhook.crt'));
    copyFileSync(join(folder, 'made/pki/server.key'), mounted('authorizer/webhook.key'));
    copyFileSync(join(folder, 'made/pki/management-ca.pem'), mounted('authorizer/apiserver-client-ca.crt'));
    mode('authorizer', 0, 0o600);
    chmodSync(mounted('authorizer'), 0o755);
    const asPod = () => check(65_532, 'authorizer', 'authorizer/authorizer.yaml');
    expect(asPod().status).toBe(78);
    for (const name of readdirSync(mounted('authorizer'))) chownSync(join(mounted('authorizer'), name), 65_532, 65_532);
    expect(asPod()).toEqual({
      status: 0,
      said: expect.stringContaining('is valid, and so is everything that it names'),
    });
  });
});
