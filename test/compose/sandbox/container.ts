import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { type ComposeService, mountsOf } from '../compose-file.ts';
import type { Image } from './image.ts';
import { ENVIRONMENT, quoted, shell } from './shell.ts';

/** What a container is made from besides its service. */
export interface Surroundings {
  readonly folder: string;
  /** Of the network namespace. */
  readonly namespace: string;
  readonly hostsFile: string;
  /** File of each config, by its name. */
  readonly configFiles: Readonly<Record<string, string>>;
  /** What stands for the image's own programs: file on this machine by path in the container. */
  readonly programs?: Readonly<Record<string, string>>;
}

/** A process in namespaces of its own, on the root, mounts, user and command line that its service is written with. */
export class Container {
  readonly #child: ChildProcess;
  readonly #service: ComposeService;
  readonly ended: Promise<number>;
  #said = '';

  constructor(name: string, service: ComposeService, image: Image, around: Surroundings) {
    this.#service = service;
    const words = [...(service.entrypoint ?? image.entrypoint), ...(service.command ?? image.command)];
    const script = [...mountScript(name, service, image, around), startLine(service, words)].join('\n');
    this.#child = spawn('ip', ['netns', 'exec', around.namespace, ...NAMESPACES, 'sh', '-euc', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: ENVIRONMENT.PATH },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = `${this.#said}${text}`.slice(-20_000);
      });
    this.ended = once(this.#child, 'close').then(([code]) => (typeof code === 'number' ? code : -1));
  }

  get said(): string {
    return this.#said;
  }

  /** Waits until the health check as it is written passes. Throws with what the process and the check said. */
  async untilHealthy(withinMs: number): Promise<void> {
    const { healthcheck } = this.#service;
    if (healthcheck === undefined || !('test' in healthcheck)) throw new Error('it has no health check');
    const [, ...test] = healthcheck.test;
    let last = this.run(test);
    for (const deadline = performance.now() + withinMs; last.status !== 0; last = this.run(test)) {
      if (performance.now() > deadline || this.#child.exitCode !== null)
        throw new Error(`it is not healthy: ${last.said}\n${this.#said}`);
      await pause(500);
    }
  }

  /** Runs a command in the container, as its user. */
  run(words: readonly string[]): { readonly status: number | null; readonly said: string } {
    const pid = this.#mainPid();
    if (pid === undefined) return { status: null, said: 'it has no process' };
    const [uid = '', gid = ''] = (this.#service.user ?? '').split(':');
    const inside = ['--target', pid, '--mount', '--net', '--pid', '--root', '--wd', '--setuid', uid, '--setgid', gid];
    const options = { env: INSIDE, encoding: 'utf8', timeout: 60_000 } as const;
    const { status, stdout, stderr } = spawnSync('nsenter', [...inside, '--', ...words], options);
    return { status, said: stdout + stderr };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const pid = this.#mainPid();
    if (pid !== undefined) process.kill(Number(pid), 'SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.ended;
    clearTimeout(late);
  }

  /** The process that is number one inside: the child of the one that made the namespaces. */
  #mainPid(): string | undefined {
    const { pid = 0 } = this.#child;
    const children = `/proc/${pid}/task/${pid}/children`;
    return existsSync(children) ? readFileSync(children, 'utf8').trim().split(' ').find(Boolean) : undefined;
  }
}

/** What every process has in a container besides what is written for it. */
const INSIDE = { PATH: ENVIRONMENT.PATH, HOME: '/' } as const;

const NAMESPACES = ['unshare', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child'] as const;

/** The container's root below `$folder/<name>/root`, with everything mounted on it, and then made read-only. */
function mountScript(name: string, service: ComposeService, image: Image, around: Surroundings): readonly string[] {
  const at = (part: string): string => join(around.folder, 'containers', name, part);
  for (const part of ['upper', 'work', 'root']) mkdirSync(at(part), { recursive: true });
  const root = at('root');
  const on = (target: string): string => quoted(join(root, target));
  const options = `lowerdir=${image.layers.join(':')},upperdir=${at('upper')},workdir=${at('work')}`;
  const file = (source: string, target: string): readonly string[] => [
    `mkdir -p "$(dirname ${on(target)})"; touch ${on(target)}; mount --bind ${quoted(source)} ${on(target)}`,
  ];
  const volumes = mountsOf(service).flatMap(({ source, target, readOnly }) => {
    const volume = join(around.folder, 'volumes', source);
    return [
      `mkdir -p ${on(target)}`,
      // As an engine does: the first container's directory is what an empty volume begins with.
      ...(prepareVolume(volume, target, image, service) ? [] : []),
      `mount --bind ${quoted(volume)} ${on(target)}`,
      ...(readOnly ? [`mount -o remount,bind,ro ${on(target)}`] : []),
    ];
  });
  const memory = service.tmpfs.map((entry) => {
    const [target = '', given] = entry.split(':');
    return `mkdir -p ${on(target)}; mount -t tmpfs ${given === undefined ? '' : `-o ${quoted(given)} `}tmpfs ${on(target)}`;
  });
  const configs = service.configs.flatMap(({ source, target }) => file(around.configFiles[source] ?? '', target));
  const programs = Object.entries(around.programs ?? {}).flatMap(([target, source]) => file(source, target));
  return [
    'mount --make-rprivate /',
    `mount -t overlay overlay -o ${quoted(options)} ${quoted(root)}`,
    ...programs,
    `mkdir -p ${on('/proc')} ${on('/dev')} ${on('/etc')}`,
    `mount -t proc proc ${on('/proc')}; mount --rbind /dev ${on('/dev')}`,
    ...file(around.hostsFile, '/etc/hosts'),
    ...memory,
    ...volumes,
    ...configs,
    ...(service.read_only ? [`mount -o remount,bind,ro ${quoted(root)}`] : []),
    `cd ${quoted(root)}`,
  ];
}

function prepareVolume(volume: string, target: string, image: Image, service: ComposeService): boolean {
  const noCopy = service.volumes.some((one) => typeof one !== 'string' && one.target === target && one.volume.nocopy);
  mkdirSync(volume, { recursive: true });
  if (noCopy || readdirSync(volume).length > 0) return false;
  const layer = image.layers.find((one) => one !== '/' && existsSync(join(one, target)));
  if (layer !== undefined)
    shell('cp -a "$1/." "$2"; chown --reference="$1" "$2"; chmod --reference="$1" "$2"', join(layer, target), volume);
  return true;
}

/** Root gives itself up: what is left to lose before the change of root and user goes with that change. */
function startLine(service: ComposeService, words: readonly string[]): string {
  const bounding = '-all,+sys_chroot,+setuid,+setgid';
  const environment = Object.entries({ ...INSIDE, ...service.environment });
  const env = environment.map(([name, value]) => quoted(`${name}=${value}`)).join(' ');
  const command = words.map(quoted).join(' ');
  return `exec setpriv --no-new-privs --bounding-set ${bounding} --inh-caps -all env -i ${env} chroot --userspec=${service.user ?? ''} --groups= . ${command}`;
}

/** Lines of /etc/hosts. */
export function writeHosts(file: string, hosts: ReadonlyMap<string, string>): string {
  writeFileSync(
    file,
    ['127.0.0.1 localhost', ...[...hosts].map(([name, address]) => `${address} ${name}`), ''].join('\n'),
  );
  return file;
}
