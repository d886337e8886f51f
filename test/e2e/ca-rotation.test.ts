import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { loadServerConfig } from '#services/config/config.ts';
import { startAgent } from '#test/agent/service/agent-process.ts';
import { type LiveService, liveService } from '#test/lab/live-service.ts';
import { missingSwtpmTools, startSwtpm } from '#test/lab/swtpm.ts';

const missing = missingSwtpmTools();
if (missing.length > 0) console.warn(`SKIPPED: CA rotation beside the real service needs ${missing.join(', ')}`);

/** What OpenSSL says of the certificate in a credential file, with `roots` as an API server would have them. */
function verified(credential: string, roots: string): string {
  return execFileSync(
    'openssl',
    ['verify', '-purpose', 'sslclient', '-CAfile', roots, '-untrusted', credential, credential],
    { encoding: 'utf8' },
  );
}

async function ca(service: LiveService, ...words: readonly string[]): Promise<string> {
  const done = await service.muster('ca', ...words, '--config', 'muster/muster.yaml');
  if (done.exitCode !== 0) throw new Error(`muster ca ${words.join(' ')}: ${done.err}`);
  return done.out;
}

const idOf = async (service: LiveService, role: string): Promise<string> =>
  (await ca(service, 'show'))
    .split('\n')
    .find((line) => line.startsWith(role))
    ?.split(/\s+/)[1] ?? 'none';

function curl(service: LiveService, path: string, ...words: readonly string[]): Buffer {
  const args = ['-sS', '--fail', '--cacert', service.serviceCaFile, ...words, `${service.url}${path}`];
  return execFileSync('curl', args);
}

function revokedSerials(list: Buffer): string {
  return execFileSync('openssl', ['crl', '-inform', 'DER', '-noout', '-text'], { input: list, encoding: 'utf8' })
    .replaceAll(':', '')
    .toLowerCase();
}

const heartbeat = (service: LiveService, credential: string): string =>
  String(
    curl(
      service,
      '/v1/heartbeats',
      '--cert',
      credential,
      '--key',
      credential,
      '-H',
      'content-type: application/json',
      '-d',
      JSON.stringify({
        bootId: '6f1c2c1e-52a4-4c0e-8f3e-0a4a55cbe4a1',
        agentVersion: '0.1.0',
        clock: new Date().toISOString(),
      }),
    ),
  );

const rootWords = (root: string, key: string): readonly string[] => [
  '--root',
  root,
  '--root-key',
  key,
  '--root-passphrase-file',
  'muster/secrets/passphrase',
];
const OLD_ROOT = rootWords('muster/pki/node-root.pem', 'muster/offline/node-root.key');
const NEW_ROOT = rootWords('next/node-root.pem', 'next/node-root.key');

describe.skipIf(missing.length > 0)('a node across the rotation of its CAs, with the real programs', () => {
  test(
    'keeps its heartbeat, renews under the new CA, and follows to the new root; the old list tells of the old certificate',
    { timeout: 300_000 },
    async () => {
      await using tpm = await startSwtpm({ ekTypes: ['p-256'] });
      await using service = await liveService({ ekAnchors: tpm.caPems });
      const config = await service.agentConfig('worker-1', tpm.address, 'p-256');
      // Not pinned: the agent follows by itself.
      await writeFile(config, (await readFile(config, 'utf8')).replace(/^nodeCaFile:.*\n/m, ''));
      await writeFile(join(service.folder, 'worker-1.der'), tpm.ekCertificates.get('p-256') ?? new Uint8Array());
      await service.muster('enrol', 'worker-1', '--pool', 'general', '--ek-cert', 'worker-1.der');
      const file = join(service.folder, 'worker-1/credential/node.pem');
      const kept = async (name: string): Promise<string> => {
        const copy = join(service.folder, name);
        await writeFile(copy, await readFile(file), { mode: 0o600 });
        return copy;
      };

      await using agent = startAgent(config);
      await agent.said('The service refused this node (evidence-rejected)');
      const request = /joins show ([0-9a-f-]{36})/.exec(agent.lines.join('\n'))?.[1] ?? '';
      await service.muster('reference', 'capture', '--join', request, '--out', 'muster/reference/worker-1.yaml');
      await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/worker-1.yaml]' });
      agent.signal('SIGUSR1');
      await agent.said('Joined as worker-1');
      const first = await kept('first.pem');
      const firstCa = await idOf(service, 'signing');

      // The next issuing CA: not before agents know of it, whom the running service tells.
      await ca(service, 'prepare', ...OLD_ROOT);
      await expect(ca(service, 'activate')).rejects.toThrow('restart it first');
      await service.killAndRestart();
      await expect(ca(service, 'activate')).rejects.toThrow('from');
      await ca(service, 'activate', '--hours', '0');
      await service.killAndRestart();
      expect(heartbeat(service, first)).toContain('nextSeconds');
      await expect(ca(service, 'retire', firstCa)).rejects.toThrow('signed with another CA since');
      agent.signal('SIGUSR1');
      await agent.said('Joined as worker-1', 2);
      const second = await kept('second.pem');
      expect(heartbeat(service, second)).toContain('nextSeconds');
      await writeFile(join(service.folder, 'roots.pem'), await ca(service, 'show', '--roots'));
      expect(verified(first, join(service.folder, 'roots.pem'))).toContain('OK');
      expect(verified(second, join(service.folder, 'roots.pem'))).toContain('OK');
      const [of1, of2] = [new X509Certificate(await readFile(first)), new X509Certificate(await readFile(second))];
      expect(of2.issuer).not.toBe(of1.issuer);

      // A certificate of the retired CA, revoked, is on that CA's list.
      const serial = of1.serialNumber.toLowerCase();
      expect(await service.muster('certs', 'revoke', serial, '--reason', 'superseded')).toMatchObject({ exitCode: 0 });
      await expect
        .poll(() => revokedSerials(curl(service, `/v1/crls/${firstCa}`)), { timeout: 20_000 })
        .toContain(serial);

      // The root: cross-signed, told, followed.
      const passphrase = ['--passphrase-file', 'muster/secrets/passphrase', '--out', 'next'];
      expect(await service.muster('ca', 'rotate-root', ...OLD_ROOT, ...passphrase)).toMatchObject({ exitCode: 0 });
      await ca(service, 'trust', 'next/node-roots.pem');
      await ca(service, 'prepare', ...NEW_ROOT);
      await ca(service, 'activate', '--now');
      await service.killAndRestart();
      expect(heartbeat(service, second)).toContain('nextSeconds');
      agent.signal('SIGUSR1');
      await agent.said('Joined as worker-1', 3);
      const third = await kept('third.pem');
      expect(agent.lines.join('\n')).toContain('the agent follows them');
      await writeFile(join(service.folder, 'roots.pem'), await ca(service, 'show', '--roots'));
      for (const roots of [
        join(service.folder, 'roots.pem'),
        join(service.folder, 'next/node-root.pem'),
        service.nodeRootFile,
      ])
        expect(verified(third, roots)).toContain('OK');
      expect(verified(second, join(service.folder, 'roots.pem'))).toContain('OK');
      expect(heartbeat(service, third)).toContain('nextSeconds');
      const { out: log } = await service.muster('audit', 'tail', '-o', 'json');
      expect(log.match(/authorities\.changed/g)?.length).toBeGreaterThanOrEqual(3);
    },
  );

  test(
    'kill -9 in the middle of an activation leaves the old configuration or the new one',
    { timeout: 120_000 },
    async () => {
      await using service = await liveService();
      await ca(service, 'prepare', ...OLD_ROOT);
      const file = join(service.folder, 'muster/muster.yaml');
      const before = await readFile(file, 'utf8');
      const signing = new Set<string>();
      const program = join(import.meta.dirname, '../../cli/main.ts');
      for (const afterMs of [300, 600, 800, 900, 1_000, 1_200]) {
        await writeFile(file, before);
        const words = [program, 'ca', 'activate', '--now', '--config', 'muster/muster.yaml'];
        const child = spawn(process.execPath, words, { cwd: service.folder, stdio: 'ignore' });
        const ended = once(child, 'exit');
        setTimeout(() => child.kill('SIGKILL'), afterMs);
        await ended;
        const { issuer, nextIssuer, retiredIssuers } = await loadServerConfig(file);
        signing.add(issuer.chain);
        expect([nextIssuer === undefined, retiredIssuers.length]).toEqual(
          (await readFile(file, 'utf8')) === before ? [false, 0] : [true, 1],
        );
      }
      expect(signing.size).toBeGreaterThanOrEqual(1);
      expect((await readdir(join(service.folder, 'muster'))).filter((name) => name === 'muster.yaml')).toHaveLength(1);
    },
  );
});
