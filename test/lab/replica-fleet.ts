import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { challengeResponseSchema } from '#protocol/challenge.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';

import { type LabClient, labClient, type LabRequest, type LabResponse } from './https-client.ts';
import { answerOf, AUDIENCE } from './join-lab.ts';
import { liveService, type LiveService } from './live-service.ts';
import { type LabPostgres, startPostgres } from './postgres.ts';
import { freePort, type RunningService, startMusterServe } from './programs.ts';
import { type LabTpm, labTpm } from './software-tpm.ts';
import { startTcpBalancer, type TcpBalancer } from './tcp-balancer.ts';
import { challengeBodyOf } from './two-nodes.ts';
import { joinBody } from './wire.ts';

export interface Machine {
  readonly name: string;
  readonly tpm: LabTpm;
}

/** `muster serve`, which comes and goes, and how it is reached. */
export interface Replica {
  readonly ports: { readonly node: number; readonly admin: number; readonly metrics: number };
  /** A node's, to this replica and no other. */
  readonly client: LabClient;
  running: RunningService;
  start(): Promise<void>;
  /** 1, 0, or undefined while it does not answer. */
  leads(): Promise<number | undefined>;
}

/** Replicas over one PostgreSQL behind a balancer, and machines that are enrolled. */
export interface ReplicaFleet extends AsyncDisposable {
  readonly service: LiveService;
  readonly place: PostgresPlace;
  readonly replicas: readonly Replica[];
  readonly balancer: TcpBalancer;
  readonly machines: readonly Machine[];
  /** A node's, to whichever replica the balancer gives it. */
  readonly client: LabClient;
}

const MACHINES = 6;
/** Where nodes call from, which the replicas know from the balancer alone: it calls them from another. */
export const NODES_CALL_FROM = '127.0.0.5';

export async function startReplicaFleet(bin: string): Promise<ReplicaFleet> {
  await using undo = new AsyncDisposableStack();
  const postgres = undo.use(await startPostgres(bin));
  const place = await postgres.createDatabase('muster');
  const service = undo.use(
    await liveService({
      init: ['--name', AUDIENCE],
      config: { 'kind: sqlite\n  path: data/muster.db': await postgresSection(place, postgres) },
      policy: { 'allowEkWithoutCertificate: false': 'allowEkWithoutCertificate: true' },
    }),
  );
  const machines = Array.from({ length: MACHINES }, (_, n) => ({ name: `worker-${n + 1}`, tpm: labTpm() }));
  await enrolAll(service, machines);
  await service.stop();
  const replicas = await Promise.all([0, 1, 2].map((index) => startReplica(service, index, undo)));
  const balancer = undo.use(
    await startTcpBalancer(replicas.map(({ ports }) => ({ port: ports.node, healthPort: ports.metrics }))),
  );
  const client = undo.use(nodeClient(service, balancer.port));
  const lifetime = undo.move();
  return {
    service,
    place,
    replicas,
    balancer,
    machines,
    client,
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

const nodeClient = ({ serviceCaFile }: LiveService, port: number): LabClient =>
  labClient({
    host: '127.0.0.1',
    port,
    ca: readFileSync(serviceCaFile, 'utf8'),
    maxSockets: 8,
    localAddress: NODES_CALL_FROM,
  });

async function startReplica(service: LiveService, index: number, undo: AsyncDisposableStack): Promise<Replica> {
  const { folder } = service;
  const ports = { node: await freePort(), admin: await freePort(), metrics: await freePort() };
  const text = await readFile(join(folder, 'muster/muster.yaml'), 'utf8');
  const [, firstNode, firstAdmin] = /port: (\d+)[\s\S]*?port: (\d+)/.exec(text) ?? [];
  const config = `muster/replica-${index}.yaml`;
  const proxies = '    proxies: { mode: proxy-v2, trustedProxies: [127.0.0.1/32] }\n';
  await writeFile(
    join(folder, config),
    `${text
      .replace(`    port: ${firstNode}\n`, `    port: ${ports.node}\n${proxies}`)
      .replace(`port: ${firstAdmin}`, `port: ${ports.admin}`)
      .replace('listeners:\n', `listeners:\n  metrics: { access: loopback, port: ${ports.metrics} }\n`)}
shutdown: { delaySeconds: 1, graceSeconds: 5 }
`,
  );
  const context = await readFile(join(folder, 'muster/cli.yaml'), 'utf8');
  await writeFile(join(folder, `muster/cli-${index}.yaml`), context.replace(`:${firstAdmin}`, `:${ports.admin}`));
  const before = undo.use(await startTcpBalancer([{ port: ports.node }]));
  const replica: Replica = {
    ports,
    client: undo.use(nodeClient(service, before.port)),
    running: await startMusterServe(config, folder),
    start: async () => {
      replica.running = await startMusterServe(config, folder);
    },
    leads: async () => {
      const page = fetch(`http://127.0.0.1:${ports.metrics}/metrics`, { signal: AbortSignal.timeout(1_000) }).then(
        (answer) => answer.text(),
      );
      const [, value] = /^muster_leader (\d)$/m.exec(await page.catch(() => '')) ?? [];
      return value === undefined ? undefined : Number(value);
    },
  };
  undo.defer(() => replica.running[Symbol.asyncDispose]());
  return replica;
}

async function postgresSection(place: PostgresPlace, server: LabPostgres): Promise<string> {
  const files = await server.writeClientFiles();
  return `kind: postgres
  host: ${place.host}
  port: ${place.port}
  database: ${place.database}
  user: ${place.user}
  passwordFile: ${files.password}
  ca: ${files.ca}`;
}

/** Enrols the machines and takes the reference values from the first one's refused join: they are alike. */
async function enrolAll(service: LiveService, machines: readonly Machine[]): Promise<void> {
  const lines = machines.map(({ name, tpm }) => `${name},general,${tpm.ekFingerprint}\n`);
  await writeFile(join(service.folder, 'nodes.csv'), `name,pool,ekPublicHash\n${lines.join('')}`);
  await must(service.muster('enrol', '--from', 'nodes.csv'));
  const [machine] = machines;
  if (machine === undefined) throw new RangeError('there are machines');
  const [, port] = /:(\d+)$/.exec(service.url) ?? [];
  using client = nodeClient(service, Number(port));
  const answer = await joinRequest(machine, (request) => client.send(request));
  const refused = z.object({ instance: z.string() }).parse((await post(client, '/v1/joins', answer)).json);
  const out = 'muster/reference/lab.yaml';
  const request = refused.instance.replace('urn:uuid:', '');
  await must(service.muster('reference', 'capture', '--join', request, '--out', out));
  const policy = join(service.folder, 'muster/policy.yaml');
  const text = await readFile(policy, 'utf8');
  await writeFile(policy, text.replace('referenceValues: []', 'referenceValues: [reference/lab.yaml]'));
}

/** Runs a command to its end, which must be a good one. */
export async function must(ended: Promise<{ exitCode: number; err: string }>): Promise<void> {
  const { exitCode, err } = await ended;
  if (exitCode !== 0) throw new Error(err);
}

export const post = (client: LabClient, path: string, body: object): Promise<LabResponse> =>
  client.send({ method: 'POST', path, body });

/** A challenge from `ask`, and the join that answers it. */
export async function joinRequest(
  { name, tpm }: Machine,
  ask: (request: LabRequest) => Promise<LabResponse>,
): Promise<object> {
  const challenge = await ask({ method: 'POST', path: '/v1/challenges', body: challengeBodyOf(tpm, name) });
  return joinBody(answerOf(challengeResponseSchema.parse(challenge.json), tpm, { name }));
}

/** One machine's joins, each asked for again where a replica goes away, as an agent would. Resolves to their serials. */
export async function joinOften(machine: Machine, client: LabClient, times: number): Promise<readonly string[]> {
  const ask = async (request: LabRequest): Promise<LabResponse> => {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const answer = await client.send(request).catch(() => undefined);
      // Away, draining, or busy with this very request.
      if (answer !== undefined && answer.status !== 503 && answer.problem !== 'state-conflict') return answer;
      await new Promise((settled) => setTimeout(settled, 25));
    }
    throw new Error('no replica answers');
  };
  const serials: string[] = [];
  while (serials.length < times) {
    const joined = await ask({ method: 'POST', path: '/v1/joins', body: await joinRequest(machine, ask) });
    if (joined.status !== 201) throw new Error(`${machine.name}: ${joined.status} ${joined.text}`);
    serials.push(joinResponseSchema.parse(joined.json).certificate.serial);
  }
  return serials;
}
