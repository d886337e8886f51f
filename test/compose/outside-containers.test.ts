import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { postgresPrograms } from '#test/lab/postgres.ts';
import { missingSwtpmTools } from '#test/lab/swtpm.ts';

import { type ComposeService, isJob, readComposeFile } from './compose-file.ts';
import { readTestEnvironment } from './sandbox/config.ts';
import { Container, type Surroundings, writeHosts } from './sandbox/container.ts';
import { Builder, type Image } from './sandbox/image.ts';
import { makeNetworks, type Networks } from './sandbox/networks.ts';
import { shell } from './sandbox/shell.ts';

const ROOT = resolve('.');
const FILE = readComposeFile();
const { baoBinary } = readTestEnvironment();
const HEALTHY_WITHIN_MS = 300_000;
const EVERYTHING_MS = 1_800_000;

function missing(): readonly string[] {
  const tools = ['ip', 'unshare', 'nsenter', 'setpriv', 'npm', 'prometheus', 'promtool', 'pg_isready'];
  return [
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...(baoBinary === undefined ? ['OpenBao (BAO_BIN)'] : []),
    ...(postgresPrograms() === undefined ? ['postgresql'] : []),
    ...missingSwtpmTools(),
    ...tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0),
  ];
}

function canRun(): boolean {
  const wanting = missing();
  if (wanting.length > 0)
    console.warn(
      `SKIPPED: what docker-compose.yml says is not run outside containers, for want of ${wanting.join(', ')}`,
    );
  return wanting.length === 0;
}

/** Prometheus of Debian 12 is older than the image's. */
const knowsHealth = spawnSync('sh', ['-c', "promtool --help 2>&1 | grep -q 'check healthy'"]).status === 0;

/** The services, each after those it waits for. */
function inOrder(): readonly string[] {
  const order: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name)) return;
    for (const other of Object.keys(FILE.services[name]?.depends_on ?? {})) visit(other);
    order.push(name);
  };
  for (const name of Object.keys(FILE.services)) if (name !== 'cli') visit(name);
  return order;
}

describe.skipIf(!canRun())(
  'what docker-compose.yml and the Dockerfiles say, carried out without a container engine',
  () => {
    let folder: string;
    let networks: Networks;
    let builder: Builder;
    const running = new Map<string, Container>();

    /** Programs of an image that is not ours, from this machine. */
    function foreign(name: string): { readonly image: Image; readonly programs: Readonly<Record<string, string>> } {
      const image = { layers: ['/'], entrypoint: [], command: [] };
      if (name === 'openbao') return { image, programs: { '/usr/bin/bao': baoBinary ?? '' } };
      if (name === 'prometheus') return { image: { ...image, entrypoint: ['/bin/prometheus'] }, programs: {} };
      const passwd = join(folder, 'passwd');
      writeFileSync(passwd, 'root:x:0:0::/:/bin/false\npostgres:x:65532:65532::/:/bin/false\n');
      const entrypoint = '/usr/local/bin/docker-entrypoint.sh';
      const script = join(ROOT, 'test/compose/sandbox/postgres-entrypoint.sh');
      return {
        image: { ...image, entrypoint: [entrypoint] },
        programs: { '/etc/passwd': passwd, [entrypoint]: script },
      };
    }

    function start(name: string, change: Partial<ComposeService> = {}): Container {
      const service = FILE.services[name];
      if (service === undefined) throw new Error(`there is no service ${name}`);
      const { build } = service;
      const { image, programs } =
        build === undefined ? foreign(name) : { image: builder.build(build.dockerfile, build.target), programs: {} };
      const around: Surroundings = {
        folder,
        namespace: networks.namespaceOf(name),
        hostsFile: writeHosts(join(folder, `${name}.hosts`), networks.hostsOf(name)),
        configFiles: Object.fromEntries(
          Object.entries(FILE.configs).map(([config, { file }]) => [config, join(ROOT, file)]),
        ),
        programs,
      };
      return new Container(name, { ...service, ...change }, image, around);
    }

    async function finish(name: string, change: Partial<ComposeService> = {}): Promise<string> {
      const job = start(name, change);
      const code = await job.ended;
      if (code !== 0) throw new Error(`${name} ended with ${code}:\n${job.said}`);
      return job.said;
    }

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'muster-compose-'));
      // The root of this machine is a layer, and no layer may hold another: the others are in a file system of their own.
      shell('mount -t tmpfs -o mode=0755 tmpfs "$1"', folder);
      networks = makeNetworks(FILE);
      builder = new Builder(folder, ROOT);
      for (const name of inOrder()) {
        const service = FILE.services[name];
        if (service !== undefined && isJob(service)) await finish(name);
        else {
          const container = start(name);
          running.set(name, container);
          if (name !== 'prometheus' || knowsHealth) await container.untilHealthy(HEALTHY_WITHIN_MS);
        }
      }
    }, EVERYTHING_MS);

    afterAll(async () => {
      for (const container of [...running.values()].toReversed()) await container.stop();
      networks?.[Symbol.dispose]();
      if (folder !== undefined) {
        shell('umount "$1"', folder);
        rmSync(folder, { recursive: true });
      }
    }, 120_000);

    const inVolume = (path: string): string => join(folder, 'volumes', path);

    test('the node holds a certificate, and both replicas list it as joined', { timeout: 240_000 }, async () => {
      const context = readFileSync(inVolume('operator/cli.yaml'), 'utf8');
      writeFileSync(inVolume('operator/other.yaml'), context.replace('muster-1', 'muster-2'));
      shell('chown 65532:65532 "$1"', inVolume('operator/other.yaml'));
      for (const file of ['/operator/cli.yaml', '/operator/other.yaml']) {
        const listed = await finish('cli', { environment: { MUSTER_CLI_CONFIG: file } });
        expect(listed).toMatch(/demo-node +general +default +joined/);
      }
      expect(running.get('node')?.run(['test', '-s', '/run/muster-agent/node.pem']).status).toBe(0);
    });

    test('the key that signs is in OpenBao, and no replica has one', () => {
      expect(readFileSync(inVolume('muster/muster.yaml'), 'utf8')).toMatch(/issuer:\n(?: +.*\n)*? +kind: vault/);
      expect(existsSync(inVolume('muster/secrets/passphrase'))).toBe(false);
      const keys = shell('cd "$1"; find . -name "*.key" | sort', inVolume('muster')).trim().split('\n');
      expect(keys).toEqual(['./pki/server.key', './secrets/snapshot.key', './secrets/ticket.key']);
    });

    test('the jobs can be run again and change nothing', { timeout: 300_000 }, async () => {
      const configuration = readFileSync(inVolume('muster/muster.yaml'));
      for (const name of ['tpm-maker', 'prepare', 'issuer', 'enrol']) await finish(name);
      expect(readFileSync(inVolume('muster/muster.yaml'))).toEqual(configuration);
    });

    test('Prometheus takes its configuration and the alert rules', () => {
      const config = ['/bin/promtool', 'check', 'config', '/etc/prometheus.d/prometheus.yml'];
      expect(running.get('prometheus')?.run(config)).toMatchObject({ status: 0 });
    });

    test('nobody can write to a root, and the service’s image has no shell', () => {
      for (const name of ['postgres', 'openbao', 'node', 'tpm', 'prometheus'])
        expect(running.get(name)?.run(['touch', '/written']).status).not.toBe(0);
      for (const name of ['muster-1', 'muster-2'])
        expect(running.get(name)?.run(['/bin/sh', '-c', 'true']).status).not.toBe(0);
    });
  },
);
