import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  BREAK_GLASS_KUBECONFIG,
  renderAuthorizationConfiguration,
  renderBreakGlass,
  renderWebhookKubeconfig,
} from '#services/kubernetes/cluster-config.ts';
import { CONTROLLER_USER } from '#services/kubernetes/cluster-rbac.ts';
import { type LabClient, labClient, type LabResponse } from '#test/lab/https-client.ts';
import { freePorts } from '#test/lab/programs.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';

import type { KubernetesPrograms } from './config.ts';

/** A real API server with its etcd, on loopback. */
export interface ApiServer extends AsyncDisposable {
  /** As a node: a new connection with this certificate. */
  readonly as: (identity: TlsIdentity) => LabClient;
  /** As a member of system:masters, whom no authorizer is asked about. */
  readonly asMaster: (method: string, path: string, body?: object) => Promise<LabResponse>;
  /** As the bearer of a token. */
  readonly withToken: (token: string, path: string) => Promise<LabResponse>;
  readonly url: string;
  /** Tokens of a member of system:masters, and of the user that the node controller's rights are bound to. */
  readonly tokens: { readonly master: string; readonly controller: string };
  /** As the node controller. */
  readonly asController: (method: string, path: string, body?: object) => Promise<LabResponse>;
  /** What it was started with. */
  readonly authorizationFile: string;
  /** Puts these nodes and certificates under the break-glass form, in place of the webhook. It takes effect some moments later. */
  readonly breakGlass: (barred: Parameters<typeof renderBreakGlass>[1]) => void;
}

export interface ApiServerPlan {
  readonly programs: KubernetesPrograms;
  /** PEM: the CA whose certificates nodes have. */
  readonly clientCaPem: string;
  readonly server: TlsIdentity;
  /** PEM of the CA that issued the API server's and the webhook's certificates. */
  readonly caPem: string;
  readonly webhookPort: number;
  /** What the API server shows the webhook. */
  readonly webhookClient: TlsIdentity;
}

const READY_WITHIN_MS = 90_000;
const MASTER_TOKEN = 'a-token-of-the-laboratory';
const CONTROLLER_TOKEN = 'another-token-of-the-laboratory';

export async function startApiServer(plan: ApiServerPlan): Promise<ApiServer> {
  await using undo = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'muster-kubernetes-'));
  undo.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [etcdPort, peerPort] = await freePorts();
  const [port] = await freePorts();
  undo.use(startEtcd(plan.programs.etcd, folder, etcdPort, peerPort));
  const files = writeFiles(plan, folder);
  const server = startProgram(plan.programs.kubeApiserver, [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${files.serverCertificate}`,
    `--tls-private-key-file=${files.serverKey}`,
    `--client-ca-file=${files.clientCa}`,
    `--token-auth-file=${files.tokens}`,
    `--authorization-config=${files.authorization}`,
    '--enable-admission-plugins=NodeRestriction',
    '--service-account-issuer=https://kubernetes.lab.example',
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    `--cert-dir=${folder}`,
  ]);
  undo.use(server);
  const clients: LabClient[] = [];
  undo.defer(() => {
    for (const client of clients) client[Symbol.dispose]();
  });
  const as = (identity?: TlsIdentity): LabClient => {
    const made = labClient({ host: '127.0.0.1', port, ca: plan.caPem, identity });
    clients.push(made);
    return made;
  };
  const anonymous = as();
  const withToken = (token: string, path: string, method = 'GET', body?: object): Promise<LabResponse> =>
    anonymous.send({ method, path, body, headers: { authorization: `Bearer ${token}` } });
  const asMaster = (method: string, path: string, body?: object): Promise<LabResponse> =>
    withToken(MASTER_TOKEN, path, method, body);
  await untilReady(async () => {
    const namespace = await asMaster('GET', '/api/v1/namespaces/kube-node-lease');
    const roles = await asMaster(
      'GET',
      '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:public-info-viewer',
    );
    return namespace.status === 200 && roles.status === 200;
  }, server);
  const running = undo.move();
  const { breakGlass } = files;
  return {
    url: `https://127.0.0.1:${port}`,
    tokens: { master: MASTER_TOKEN, controller: CONTROLLER_TOKEN },
    asController: (method, path, body) => withToken(CONTROLLER_TOKEN, path, method, body),
    authorizationFile: files.authorization,
    as,
    asMaster,
    withToken,
    breakGlass,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface Running extends AsyncDisposable {
  readonly said: () => string;
  readonly hasEnded: () => boolean;
}

function startProgram(program: string, args: readonly string[]): Running {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close').catch((error: unknown) => {
    said += String(error);
  });
  let said = '';
  const listen = (text: Buffer): void => {
    said = `${said}${text.toString('utf8')}`.slice(-8_000);
  };
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  return {
    said: () => said,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const startEtcd = (program: string, folder: string, port: number, peerPort: number): Running =>
  startProgram(program, [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${port}`,
    `--advertise-client-urls=http://127.0.0.1:${port}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
  ]);

async function untilReady(isReady: () => Promise<boolean>, server: Running): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!(await isReady().catch(() => false))) {
    if (server.hasEnded() || performance.now() > deadline)
      throw new Error(`the API server did not start:\n${server.said()}`);
    await sleep(200);
  }
}

/** Everything that the API server reads; its authorization files are those that `muster kubernetes config` prints. */
function writeFiles({ clientCaPem, server, caPem, webhookPort, webhookClient }: ApiServerPlan, folder: string) {
  const write = (name: string, content: string): string => {
    const file = join(folder, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const directory = join(folder, 'muster');
  mkdirSync(directory);
  const plan = { minor: 36, webhookUrl: `https://127.0.0.1:${webhookPort}/v1/authorize`, directory };
  write('muster/authorizer.kubeconfig', renderWebhookKubeconfig(plan));
  write('muster/webhook-ca.crt', caPem);
  write('muster/apiserver.crt', webhookClient.certificatePem);
  write('muster/apiserver.key', webhookClient.keyPem);
  const authorization = write('muster/authorization.yaml', renderAuthorizationConfiguration(plan));
  const serviceAccounts = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
  return {
    authorization,
    breakGlass: (barred: Parameters<typeof renderBreakGlass>[1]): void => {
      write('muster/break-glass.kubeconfig', BREAK_GLASS_KUBECONFIG);
      // Beside it and renamed: the API server must not read half of it.
      renameSync(write('muster/authorization.new', renderBreakGlass(plan, barred)), authorization);
    },
    clientCa: write('client-ca.crt', clientCaPem),
    serverCertificate: write('server.crt', server.certificatePem),
    serverKey: write('server.key', server.keyPem),
    tokens: write(
      'tokens.csv',
      `${MASTER_TOKEN},master,master,"system:masters"\n${CONTROLLER_TOKEN},${CONTROLLER_USER},controller\n`,
    ),
    serviceAccountKey: write('sa.key', serviceAccounts.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
}
