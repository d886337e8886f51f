import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encodePem } from '#pki/x509/pem.ts';

import { labNodeCa } from './node-ca.ts';
import { type Ended, freePorts, runProgram, type RunningService, startMusterServe } from './programs.ts';

export interface LiveServiceOptions {
  /** PEM certificates of the TPM makers that the pool `general` trusts. */
  readonly ekAnchors?: readonly string[];
  /** The address that nodes join at. */
  readonly host?: '127.0.0.1' | '::1';
  /** Lines of `policy.yaml` to replace: each text stands in the file once. */
  readonly policy?: Readonly<Record<string, string>>;
  /** Lines of `muster.yaml` to replace. */
  readonly config?: Readonly<Record<string, string>>;
  /** More options of `muster init`. */
  readonly init?: readonly string[];
}

/** The real programs over a directory that `muster init` made, on loopback. Nothing is left of it when it is disposed of. */
export interface LiveService extends AsyncDisposable {
  readonly folder: string;
  /** `https://host:port` of the node listener. */
  readonly url: string;
  readonly adminPort: number;
  /** The CA that the node listener's certificate chains to. */
  readonly serviceCaFile: string;
  readonly nodeRootFile: string;
  readonly audience: string;
  readonly pid: () => number;
  /** Runs `muster` as the first administrator. */
  muster(...args: readonly string[]): Promise<Ended>;
  /** Writes an agent's configuration and returns its path; what the agent writes goes beside it. */
  agentConfig(name: string, device: string, ekPreference?: string): Promise<string>;
  /** Replaces lines of the policy, then starts the service again. */
  changePolicy(lines: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL, then a new start. */
  killAndRestart(): Promise<void>;
  /** Asks it to stop; `start` starts it again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const PLENTY = { burst: 1_000_000, perMinute: 60_000_000 };
const UNLIMITED = { perSegment: PLENTY, perAddress: PLENTY, perEk: PLENTY };

/** `muster init`, the options applied, `muster serve`. A few seconds: sealing keys is slow on purpose. */
export async function liveService(options: LiveServiceOptions = {}): Promise<LiveService> {
  const { ekAnchors = [], host = '127.0.0.1' } = options;
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'muster-live-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const [nodePort, adminPort] = await freePorts(host);
  await initialise(folder, nodePort, adminPort, options.init ?? []);

  await writeFile(join(folder, 'muster/ek-anchors/makers.pem'), ekAnchors.join('\n'));
  await replaceLines(join(folder, 'muster/policy.yaml'), {
    ...(ekAnchors.length === 0 ? {} : { 'ekAnchors: []': 'ekAnchors: [ek-anchors/makers.pem]' }),
    'allowSoftwareTpm: false': 'allowSoftwareTpm: true',
    ...options.policy,
  });
  await replaceLines(join(folder, 'muster/muster.yaml'), {
    [`host: 127.0.0.1\n    port: ${nodePort}`]: `host: ${JSON.stringify(host)}\n    port: ${nodePort}`,
    ...options.config,
  });
  // A benchmark's few machines join as often as a thousand would.
  await appendFile(join(folder, 'muster/muster.yaml'), `\nlimits:\n  rates: ${JSON.stringify(UNLIMITED)}\n`);
  let running: RunningService = await startMusterServe('muster/muster.yaml', folder);
  undo.defer(() => running[Symbol.asyncDispose]());
  const lifetime = undo.move();
  const url = `https://${host === '::1' ? '[::1]' : host}:${nodePort}`;
  const serviceCaFile = join(folder, 'muster/for-nodes/service-ca.pem');
  return {
    folder,
    url,
    adminPort,
    serviceCaFile,
    nodeRootFile: join(folder, 'muster/pki/node-root.pem'),
    audience: 'muster',
    pid: () => running.pid,
    muster: (...args) => runProgram('muster', args, folder),
    agentConfig: (name, device, ekPreference) => writeAgentConfig({ folder, url, name, device, ekPreference }),
    async changePolicy(lines) {
      await replaceLines(join(folder, 'muster/policy.yaml'), lines);
      await running[Symbol.asyncDispose]();
      running = await startMusterServe('muster/muster.yaml', folder);
    },
    async killAndRestart() {
      await running.kill();
      running = await startMusterServe('muster/muster.yaml', folder);
    },
    async stop() {
      await running[Symbol.asyncDispose]();
    },
    async start() {
      running = await startMusterServe('muster/muster.yaml', folder);
    },
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

async function initialise(folder: string, nodePort: number, adminPort: number, more: readonly string[]): Promise<void> {
  const { management } = await labNodeCa();
  await writeFile(join(folder, 'cluster-ca.pem'), encodePem('CERTIFICATE', management.certificate.der));
  const kubernetes = ['--kubernetes-url', 'https://127.0.0.1:6443', '--kubernetes-ca', 'cluster-ca.pem'];
  const ports = ['--node-port', String(nodePort), '--admin-port', String(adminPort)];
  const made = await runProgram('muster', ['init', '--dir', 'muster', ...ports, ...kubernetes, ...more], folder);
  if (made.exitCode !== 0) throw new Error(`muster init: ${made.err}`);
}

async function writeAgentConfig(agent: {
  readonly folder: string;
  readonly url: string;
  readonly name: string;
  readonly device: string;
  readonly ekPreference: string | undefined;
}): Promise<string> {
  const home = join(agent.folder, agent.name);
  await mkdir(home, { recursive: true });
  const file = join(home, 'agent.yaml');
  const at = (path: string): string => JSON.stringify(path);
  const preference = agent.ekPreference === undefined ? '' : `\n  ekPreference: [${agent.ekPreference}]`;
  await writeFile(
    file,
    `apiVersion: muster/v1
kind: AgentConfig
services: [${at(agent.url)}]
serviceCaFile: ${at(join(agent.folder, 'muster/for-nodes/service-ca.pem'))}
nodeCaFile: ${at(join(agent.folder, 'muster/for-nodes/node-ca.pem'))}
audience: muster
nodeName: ${agent.name}
credentialDirectory: ${at(join(home, 'credential'))}
kubeconfigFile: ${at(join(home, 'kubelet.conf'))}
tpm:
  device: ${at(agent.device)}${preference}
wait:
  total: 20s
`,
  );
  return file;
}

async function replaceLines(file: string, lines: Readonly<Record<string, string>>): Promise<void> {
  let text = await readFile(file, 'utf8');
  for (const [before, after] of Object.entries(lines)) {
    if (text.split(before).length !== 2) throw new Error(`${file}: "${before}" should stand in it once`);
    text = text.replace(before, () => after);
  }
  await writeFile(file, text);
}
