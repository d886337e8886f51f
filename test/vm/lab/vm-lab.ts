import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { stringify } from 'yaml';

import { liveService, type LiveService } from '#test/lab/live-service.ts';
import { type SwtpmMaker, swtpmMaker } from '#test/lab/swtpm-maker.ts';

import { agentPackage } from './agent-package.ts';
import { type BootFiles, makeBootDisk, makeSeedDisk } from './boot-disk.ts';
import { type MachineImage, machineImage } from './image.ts';
import { type Hardware, powerOn, type RunningMachine } from './machine.ts';
import { OVMF } from './needs.ts';
import { output } from './run.ts';

/** Where the host is in a machine's own network. */
const HOST_ADDRESS = '10.0.2.2';
const COMMAND_LINE = 'root=LABEL=root ro console=ttyS0 quiet ima_policy=tcb';

/** What of a machine differs from the good one. */
export interface MachineOptions {
  /** What it boots. The good machine's where it is left out. */
  readonly boot?: Partial<BootFiles>;
  readonly secureBoot?: boolean;
  /** More members of its cloud-init user-data. */
  readonly userData?: Readonly<Record<string, unknown>>;
}

/** A machine's parts, in a directory. It is off. */
export interface Machine {
  readonly name: string;
  readonly hardware: Hardware;
  /** Puts another boot into its disk. */
  changeBoot(boot: Partial<BootFiles>): Promise<void>;
  on(options?: Partial<Hardware>): Promise<RunningMachine>;
}

/** The join service, an image with the agent, and machines that are made of it. */
export interface VmLab extends AsyncDisposable {
  readonly service: LiveService;
  readonly image: MachineImage;
  readonly agentName: string;
  /** The packaged agent's program, on the host. */
  readonly agentProgram: string;
  /** A new machine with a TPM of its own, whose EK certificate is enrolled under its name. It has never been on. */
  machine(name: string, options?: MachineOptions): Promise<Machine>;
  /** Puts a policy into force in the running service, as an operator does. */
  usePolicy(text: string): Promise<void>;
  /** What the good machine boots, but for `changes`. */
  bootFiles(changes?: Partial<BootFiles>): BootFiles;
  /** A directory for the scene's own files. */
  readonly folder: string;
}

export async function vmLab(options: { readonly cache: string; readonly deb: string | undefined }): Promise<VmLab> {
  await using undo = new AsyncDisposableStack();
  await using agent = await agentPackage(options.deb);
  const image = await machineImage(options.cache, agent);
  // Sockets lie below, and a Unix socket's path has at most 107 bytes.
  const folder = await mkdtemp(join(tmpdir(), 'mvm-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const agentProgram = await agent.unpackProgram(join(folder, 'agent'));
  const maker = undo.use(await swtpmMaker());
  await maker.manufacture(join(folder, 'first-tpm'), ['sha256']);
  const service = undo.use(await liveService({ ekAnchors: await maker.caPems(), init: ['--ip', HOST_ADDRESS] }));
  const bootFiles = (changes: Partial<BootFiles> = {}): BootFiles => {
    const [first] = image.kernels;
    if (first === undefined) throw new Error('the image has no kernel');
    const { shim, grub } = image;
    return { shim, grub, kernel: first.kernel, initrd: first.initrd, commandLine: COMMAND_LINE, ...changes };
  };
  const lifetime = undo.move();
  return {
    service,
    image,
    agentName: agent.name,
    agentProgram,
    folder,
    bootFiles,
    machine: (name, wanted = {}) => makeMachine({ folder, maker, service, image, bootFiles }, name, wanted),
    usePolicy: (text) => usePolicy(service, text),
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

interface Workshop extends Pick<VmLab, 'folder' | 'service' | 'image' | 'bootFiles'> {
  readonly maker: SwtpmMaker;
}

async function makeMachine(workshop: Workshop, name: string, options: MachineOptions): Promise<Machine> {
  const folder = join(workshop.folder, name);
  const file = (part: string): string => join(folder, part);
  await mkdir(file('ek'), { recursive: true });
  await workshop.maker.manufacture(file('tpm-state'), ['sha256'], file('ek'));
  const certificate = (await readdir(file('ek'))).find((path) => path.includes('rsa')) ?? '';
  const enrolled = await workshop.service.muster(
    'enrol',
    name,
    '--pool',
    'general',
    '--ek-cert',
    join(file('ek'), certificate),
  );
  if (enrolled.exitCode !== 0) throw new Error(enrolled.err);
  const { variables, variablesWithoutKeys } = OVMF;
  await copyFile(options.secureBoot === false ? variablesWithoutKeys : variables, file('variables.fd'));
  const layer = ['create', '-q', '-f', 'qcow2', '-b', workshop.image.rootDisk, '-F', 'raw', file('root.qcow2')];
  await output('qemu-img', layer);
  await writeSeed(workshop.service, name, folder, options.userData ?? {});
  const changeBoot = (boot: Partial<BootFiles>) => makeBootDisk(file('boot.img'), workshop.bootFiles(boot));
  await changeBoot(options.boot ?? {});
  const hardware: Hardware = {
    folder,
    tpmState: file('tpm-state'),
    firmwareVariables: file('variables.fd'),
    bootDisk: file('boot.img'),
    rootDisk: file('root.qcow2'),
    seedDisk: file('seed.img'),
  };
  return { name, hardware, changeBoot, on: (more = {}) => powerOn({ ...hardware, ...more }) };
}

/** What an operator gives to each machine of the pool: the name, the service, and the CAs to trust. No secret. */
async function writeSeed(
  service: LiveService,
  name: string,
  folder: string,
  more: Readonly<Record<string, unknown>>,
): Promise<void> {
  const agent = {
    apiVersion: 'muster/v1',
    kind: 'AgentConfig',
    services: [service.url.replace('127.0.0.1', HOST_ADDRESS)],
    serviceCaFile: '/etc/muster/service-ca.pem',
    nodeCaFile: '/etc/muster/node-ca.pem',
    audience: service.audience,
  };
  const forNodes = (file: string): Promise<string> => readFile(join(service.folder, 'muster/for-nodes', file), 'utf8');
  const userData = {
    write_files: [
      { path: '/etc/muster/agent.yaml', permissions: '0640', content: stringify(agent) },
      { path: '/etc/muster/service-ca.pem', content: await forNodes('service-ca.pem') },
      { path: '/etc/muster/node-ca.pem', content: await forNodes('node-ca.pem') },
    ],
    ...more,
  };
  const [user, meta] = [join(folder, 'user-data'), join(folder, 'meta-data')];
  await writeFile(user, `#cloud-config\n${stringify(userData)}`);
  await writeFile(meta, stringify({ 'instance-id': `i-${name}`, 'local-hostname': name }));
  await makeSeedDisk(join(folder, 'seed.img'), [user, meta]);
}

async function usePolicy(service: LiveService, text: string): Promise<void> {
  const version = async (): Promise<string> => (await service.muster('policy', 'status')).out;
  const before = await version();
  await writeFile(join(service.folder, 'muster/policy.yaml'), text);
  process.kill(service.pid(), 'SIGHUP');
  for (let attempt = 0; attempt < 50; attempt++) {
    const now = await version();
    if (now.includes('were refused')) throw new Error(now);
    if (now !== before) return;
    await delay(100);
  }
  throw new Error('the policy did not come into force');
}
