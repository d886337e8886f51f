import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadContext } from '#cli/context.ts';
import { openKey } from '#pki/key-file.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { agentConfigSchema } from '#agent/config.ts';
import { parseAdministrators } from '#services/administrators.ts';
import { LAYOUT } from '#services/commands/init-layout.ts';
import { init } from '#services/commands/init.ts';
import { checkPolicy } from '#services/commands/policy-check.ts';
import { loadServerConfig } from '#services/config/config.ts';
import {
  parseSnapshotKey,
  parseSnapshotPublicKey,
  signStatement,
  verifyStatement,
} from '#services/kubernetes/signed-statement.ts';
import { labSnapshotNode, labStated } from '#test/lab/kubernetes-snapshot.ts';
import { parse } from 'yaml';

import { recorder } from './recorder.ts';

let folder: string;
let made: string;
const at = (path: string): string => join(made, path);
const OPTIONS = { kubernetesUrl: 'https://10.0.0.4:6443', kubernetesCa: 'ca.pem' };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'muster-init-'));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'key.pem')];
  execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=cluster', '-out', join(folder, 'ca.pem')], {
    stdio: 'pipe',
  });
  made = join(folder, 'made');
  const options = {
    ...OPTIONS,
    dir: 'made',
    name: 'prod-eu',
    dns: ['muster.example.net'],
    ip: ['10.0.0.5'],
    admin: 'alice',
  };
  await init(options, recorder(folder));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const certificate = (path: string): X509Certificate => new X509Certificate(readFileSync(at(path)));

describe('muster init', () => {
  test('writes a configuration that the service reads, whose files are all there', async () => {
    const config = await loadServerConfig(at(LAYOUT.config));
    expect(config.audience).toBe('prod-eu');
    const { node, admin } = config.listeners;
    for (const file of [node.certificate, node.key, admin.clientCa, admin.administrators, config.issuer.chain]) {
      expect(existsSync(file)).toBe(true);
    }
    for (const file of [config.tickets.key, config.policy, config.kubernetes.ca]) {
      expect(existsSync(file)).toBe(true);
    }
    expect(config.issuer.signer).toMatchObject({ kind: 'file', key: at(LAYOUT.nodeIssuingKey) });
  });

  test('keeps the node CA and the management CA apart', () => {
    const root = certificate(LAYOUT.nodeRoot);
    const issuing = certificate(LAYOUT.nodeChain);
    const management = certificate(LAYOUT.managementCa);
    const server = certificate(LAYOUT.serverCertificate);
    const administrator = certificate(LAYOUT.identity('alice'));
    expect(issuing.checkIssued(root)).toBe(true);
    expect(server.checkIssued(management)).toBe(true);
    expect(administrator.checkIssued(management)).toBe(true);
    expect(server.checkIssued(root)).toBe(false);
    expect(administrator.checkIssued(issuing)).toBe(false);
  });

  test('has OpenSSL agree with both chains', () => {
    const verify = (...args: readonly string[]) => execFileSync('openssl', ['verify', ...args], { encoding: 'utf8' });
    const now = ['-attime', String(Date.parse('2026-11-21T11:00:00Z') / 1_000)];
    expect(verify(...now, '-CAfile', at(LAYOUT.nodeRoot), at(LAYOUT.nodeChain))).toContain('OK');
    const server = ['-purpose', 'sslserver', '-verify_hostname', 'muster.example.net', at(LAYOUT.serverCertificate)];
    expect(verify(...now, '-CAfile', at(LAYOUT.managementCa), ...server)).toContain('OK');
    const client = ['-purpose', 'sslclient', at(LAYOUT.identity('alice'))];
    expect(verify(...now, '-CAfile', at(LAYOUT.managementCa), ...client)).toContain('OK');
  });

  test('names the service by every address given, and by loopback', () => {
    const server = certificate(LAYOUT.serverCertificate);
    for (const name of ['localhost', 'muster.example.net']) expect(server.checkHost(name)).toBe(name);
    for (const ip of ['127.0.0.1', '::1', '10.0.0.5']) expect(server.checkIP(ip)).toBe(ip);
  });

  test('seals the CA keys under the passphrase that it made', async () => {
    const passphrase = await readPassphrase(at(LAYOUT.passphrase));
    const key = await openKey(readFileSync(at(LAYOUT.nodeIssuingKey)), passphrase);
    expect(certificate(LAYOUT.nodeChain).checkPrivateKey(key)).toBe(true);
  });

  test('makes the key that snapshots are signed with, and gives authorizers its public half', async () => {
    const config = await loadServerConfig(at(LAYOUT.config));
    const key = parseSnapshotKey(readFileSync(config.snapshot?.key ?? '', 'utf8'));
    const stated = labStated([labSnapshotNode('n1')]);
    const publicKey = parseSnapshotPublicKey(readFileSync(at(LAYOUT.snapshotPublicKey), 'utf8'));
    expect(verifyStatement(signStatement(stated, key), 0, publicKey)).toMatchObject({ ok: true, stated });
  });

  test('gives secrets to their owner alone', () => {
    const mode = (path: string): number => statSync(at(path)).mode & 0o777;
    for (const secret of [
      LAYOUT.passphrase,
      LAYOUT.ticketKey,
      LAYOUT.nodeRootKey,
      LAYOUT.nodeIssuingKey,
      LAYOUT.managementKey,
      LAYOUT.serverKey,
      LAYOUT.snapshotKey,
      LAYOUT.authorizerIdentity,
      LAYOUT.identity('alice'),
    ]) {
      expect(mode(secret)).toBe(0o600);
    }
    for (const directory of ['', 'pki', 'secrets', 'offline', 'administrators', 'data'])
      expect(mode(directory)).toBe(0o700);
  });

  test('lists the first administrator, and gives a context that works with that identity', () => {
    const fingerprint = certificate(LAYOUT.identity('alice')).fingerprint256.replaceAll(':', '').toLowerCase();
    const authorizer = certificate(LAYOUT.authorizerIdentity).fingerprint256.replaceAll(':', '').toLowerCase();
    expect([...parseAdministrators(readFileSync(at(LAYOUT.administrators), 'utf8'), LAYOUT.administrators)]).toEqual([
      fingerprint,
      authorizer,
    ]);
    const context = loadContext(at(LAYOUT.context));
    expect(context.url.href).toBe('https://127.0.0.1:7444/');
    expect(context.identity).toContain('PRIVATE KEY');
  });

  test('gives the nodes a configuration that the agent reads', () => {
    const config = agentConfigSchema.parse(parse(readFileSync(at(LAYOUT.agentConfig), 'utf8')));
    expect(config).toMatchObject({ audience: 'prod-eu', services: ['https://muster.example.net:7443'] });
  });

  test('writes a first policy that is valid and admits nobody', async () => {
    const person = recorder(folder);
    expect(await checkPolicy(at(LAYOUT.policy), person)).toBe(0);
    expect(person.said.out).toContain('admits nobody yet: referenceValues is empty');
    expect(person.said.out).toContain('admits nobody yet: ekAnchors is empty');
  });

  test('overwrites nothing, and leaves nothing behind when it refuses', async () => {
    const before = readFileSync(at(LAYOUT.nodeIssuingKey));
    const person = recorder(folder);
    await expect(init({ ...OPTIONS, dir: 'made' }, person)).rejects.toMatchObject({ exitCode: 73 });
    expect(person.said).toEqual({ out: '', err: '' });
    expect(readFileSync(at(LAYOUT.nodeIssuingKey))).toEqual(before);
    expect(readdirSync(folder).toSorted()).toEqual(['ca.pem', 'key.pem', 'made']);
  });

  test('takes a directory that is empty, and a passphrase that is brought', async () => {
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'phrase'), 'correct horse battery staple\n', { mode: 0o600 });
    await init({ ...OPTIONS, dir: 'empty', passphraseFile: 'phrase' }, recorder(folder));
    expect(existsSync(join(folder, 'empty', LAYOUT.passphrase))).toBe(false);
    const config = await loadServerConfig(join(folder, 'empty', LAYOUT.config));
    expect(config.issuer.signer).toMatchObject({ passphrase: { kind: 'file', path: join(folder, 'phrase') } });
    rmSync(join(folder, 'empty'), { recursive: true });
    rmSync(join(folder, 'phrase'));
  });

  test.each([
    ['a passphrase that others can read', 'phrase', 0o644, { passphraseFile: 'phrase' }, 78],
    ['no API server', undefined, 0, { kubernetesUrl: undefined }, 64],
    ['an API server without TLS', undefined, 0, { kubernetesUrl: 'http://10.0.0.4' }, 64],
    ['a CA file that is missing', undefined, 0, { kubernetesCa: 'none.pem' }, 64],
    ['a CA file that is none', undefined, 0, { kubernetesCa: 'key.pem' }, 64],
    ['a wildcard name', undefined, 0, { dns: ['*.example.net'] }, 64],
    ['an address with a zone', undefined, 0, { ip: ['fe80::1%eth0'] }, 64],
    ['an administrator with a system name', undefined, 0, { admin: 'system:masters' }, 64],
    ['one port for both listeners', undefined, 0, { nodePort: '7000', adminPort: '7000' }, 64],
  ])('refuses %s', async (_, file, mode, change, exitCode) => {
    if (file !== undefined) writeFileSync(join(folder, file), 'correct horse battery staple\n', { mode });
    await expect(init({ ...OPTIONS, dir: 'other', ...change }, recorder(folder))).rejects.toMatchObject({ exitCode });
    expect(existsSync(join(folder, 'other'))).toBe(false);
  });
});
