import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { buildAgent, type BuiltAgent } from '#scripts/packages/build-agent.ts';
import { buildServer, type BuiltServer } from '#scripts/packages/build-server.ts';
import { sha256OfFile } from '#scripts/packages/checksums.ts';
import { LAB_NOW, labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';

const ROOT = resolve('.');
const CACHE = join(ROOT, '.cache/packages');
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };

function canInstall(): boolean {
  const missing = ['debootstrap', 'dpkg-deb', 'chroot', 'tar'].filter(
    (tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { env: ENVIRONMENT }).status !== 0,
  );
  if (process.getuid?.() !== 0) missing.push('root');
  if (missing.length > 0) console.warn(`SKIPPED: packages are not installed, for want of ${missing.join(', ')}`);
  return missing.length === 0;
}

function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: ENVIRONMENT,
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** A clean Debian 12 with systemd, below `directory`. What debootstrap made is kept for the next run. */
function makeDebian(directory: string): void {
  const archive = join(CACHE, 'bookworm.tar');
  if (!existsSync(archive)) {
    mkdirSync(CACHE, { recursive: true });
    const fresh = mkdtempSync(join(CACHE, 'root-'));
    run('debootstrap', '--variant=minbase', '--include=systemd,libatomic1', 'bookworm', fresh);
    run('tar', '-C', fresh, '-cf', `${archive}.part`, '--one-file-system', '.');
    renameSync(`${archive}.part`, archive);
    rmSync(fresh, { recursive: true });
  }
  run('tar', '-C', directory, '-xf', archive);
  // debootstrap's directory was nobody else's; the service's user must get in.
  chmodSync(directory, 0o755);
}

const pageOf = (name: string): string => join(ROOT, 'docs/operations', `${name}.md`);

/** The shell commands of a page that are marked as tested, block by block. */
function testedCommands(page: string): readonly string[] {
  const text = readFileSync(pageOf(page), 'utf8');
  return [...text.matchAll(/<!-- tested in a scratch root[^\n]*-->\s+```sh\n([\s\S]*?)```/g)].map(
    ([, block = '']) => block,
  );
}

describe.skipIf(!canInstall())('the packages', () => {
  let agent: BuiltAgent;
  let server: BuiltServer;
  let work: string;
  let debian: string;
  let before: ReadonlySet<string>;
  const inDebian = (command: string): string => run('chroot', debian, 'sh', '-ec', command);
  const filesNow = (): readonly string[] =>
    run('find', debian, '-xdev', '-path', join(debian, 'proc'), '-prune', '-o', '-printf', '/%P\n').trim().split('\n');
  /** But for the books that apt keeps of its own doing. */
  const added = (): readonly string[] =>
    filesNow()
      .filter((path) => !before.has(path) && !/^\/var\/(?:cache|lib|log)\/apt\//.test(path))
      .toSorted();
  const put = (path: string, text: string): void => writeFileSync(join(debian, path), text);

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'muster-packages-'));
    debian = join(work, 'debian');
    mkdirSync(debian);
    agent = await buildAgent(ROOT, 'x64', join(work, 'dist'));
    server = await buildServer(ROOT, 'x64', join(work, 'dist'));
    makeDebian(debian);
    before = new Set(filesNow());
  }, 600_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }), 120_000);

  /** Installs it where the page's first command finds it, by that command. */
  function install(deb: string, page: string): void {
    run('cp', deb, join(debian, 'tmp'));
    const [command = ''] = testedCommands(page);
    expect(command).toContain('apt-get install');
    inDebian(`cd /tmp; ${command}`);
    rmSync(join(debian, 'tmp', basename(deb)));
  }

  test('a second build is the same, byte for byte', async () => {
    const elsewhere = join(work, 'second');
    const agentAgain = await buildAgent(ROOT, 'x64', elsewhere);
    const serverAgain = await buildServer(ROOT, 'x64', elsewhere);
    const digests = async (files: readonly string[]): Promise<readonly string[]> => {
      const sums = await Promise.all(files.map(sha256OfFile));
      return sums.map((sum, at) => `${basename(files[at] ?? '')} ${sum}`);
    };
    const parts = (a: BuiltAgent, s: BuiltServer) => [a.program, a.sbom, a.deb, s.tarball, s.sbom, s.deb];
    expect(await digests(parts(agentAgain, serverAgain))).toEqual(await digests(parts(agent, server)));
    rmSync(elsewhere, { recursive: true });
  }, 600_000);

  test('the agent’s installs what it documents, enabled and not started', () => {
    install(agent.deb, 'install-the-agent');
    expect(inDebian('muster-agent --version')).toBe('0.1.0\n');
    expect(inDebian('stat -c "%a %U %G" /etc/muster/agent.yaml')).toBe('640 root root\n');
    expect(inDebian('systemctl is-enabled muster-agent')).toBe('enabled\n');
    expect(inDebian('dpkg-query -W -f "\\${Conffiles}" muster-agent')).toContain('/etc/muster/agent.yaml');
    expect(inDebian('muster-agent run 2>&1 || echo "exit code $?"')).toMatch(/exit code 78\n$/);
  }, 120_000);

  test('the agent’s program takes no options of its runtime', () => {
    expect(inDebian('NODE_OPTIONS=--no-such-option muster-agent --version')).toBe('0.1.0\n');
    expect(inDebian('muster-agent --inspect 2>&1 || echo "exit code $?"')).toMatch(/exit code 78\n$/);
  }, 60_000);

  test('a purge of the agent’s leaves what is documented', () => {
    mkdirSync(join(debian, 'run/muster-agent'), { mode: 0o700 });
    mkdirSync(join(debian, 'var/lib/muster-agent'), { mode: 0o700 });
    put('run/muster-agent/node.pem', 'a credential');
    put('var/lib/muster-agent/measurement-key.pem', 'a key');
    put('etc/muster/service-ca.pem', 'a CA');
    inDebian('dpkg -r muster-agent');
    expect(added()).toEqual(expect.arrayContaining(['/etc/muster/agent.yaml', '/run/muster-agent/node.pem']));
    expect(added()).not.toContain('/usr/bin/muster-agent');
    inDebian('dpkg -P muster-agent');
    expect(added()).toEqual(['/etc/muster', '/etc/muster/service-ca.pem']);
    rmSync(join(debian, 'etc/muster'), { recursive: true });
  }, 60_000);

  test('the service’s is set up by the commands of its page', async () => {
    install(server.deb, 'install-the-service');
    mkdirSync(join(debian, 'etc/kubernetes/pki'), { recursive: true });
    put('etc/kubernetes/pki/ca.crt', certificatePem((await labNodeCa({ now: LAB_NOW })).root.certificate));
    const [, setUp = ''] = testedCommands('install-the-service');
    expect(inDebian(setUp)).toContain('is valid');
    expect(inDebian('stat -c "%a %U" /etc/muster/service /var/lib/muster')).toBe('700 muster\n700 muster\n');
    expect(inDebian('systemctl is-enabled muster muster-authorizer')).toBe('enabled\nenabled\n');
    rmSync(join(debian, 'etc/kubernetes'), { recursive: true });
  }, 120_000);

  test('a purge of the service’s leaves keys and records, and nothing else', () => {
    inDebian('dpkg -P muster');
    const left = added();
    expect(left).toContain('/etc/muster/service/muster.yaml');
    expect(left.filter((path) => !/^\/(?:etc\/muster|var\/lib\/muster)(?:\/|$)/.test(path))).toEqual([]);
  }, 60_000);
});
