import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

import type { AgentConfig } from '#agent/config.ts';
import { systemClock } from '#core/clock.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import { labClient } from '#test/lab/https-client.ts';
import { answerOf, enrol as enrolIn } from '#test/lab/join-lab.ts';
import { liveService, type LiveService } from '#test/lab/live-service.ts';
import { type LabPostgres, startPostgres } from '#test/lab/postgres.ts';
import { postgresSection, type Replica, SQLITE_SECTION, startReplica } from '#test/lab/replicas.ts';
import { challengeBodyOf } from '#test/lab/two-nodes.ts';
import { joinBody } from '#test/lab/wire.ts';

import { KEY_NAME, type SoakKeyServer, startKeyServer } from './key-server.ts';
import { agentConfigs, type Machine, machinesFor } from './machines.ts';

/** Everything that the soak starts: replicas of the real service, the database and the key server that they share, machines to join. */
export interface SoakWorld extends AsyncDisposable {
  readonly postgres: LabPostgres;
  readonly place: PostgresPlace;
  readonly keyServer: SoakKeyServer;
  readonly replicas: readonly Replica[];
  readonly machines: readonly Machine[];
  readonly configOf: (name: string) => AgentConfig;
  /** The small disk that the database is on; undefined where there is none. */
  readonly disk: string | undefined;
}

export interface SoakWorldOptions {
  readonly postgresPrograms: string;
  readonly disk: string | undefined;
  readonly rate: number;
  readonly replicas: number;
  readonly say: (line: string) => void;
}

/** The log that is kept for recovery stays small: the disk is. */
const ON_A_SMALL_DISK = { max_wal_size: '96MB', min_wal_size: '32MB' };

/** Starts all of it, in some twenty seconds. */
export async function openWorld({ postgresPrograms, disk, rate, replicas, say }: SoakWorldOptions): Promise<SoakWorld> {
  await using undo = new AsyncDisposableStack();
  say('PostgreSQL, the key server');
  const under = disk === undefined ? {} : { under: disk, settings: ON_A_SMALL_DISK };
  const postgres = undo.use(await startPostgres(postgresPrograms, under));
  const place = await postgres.createDatabase('muster');
  const keyServer = undo.use(await startKeyServer());
  say('the service: its CA, its nodes, its reference values');
  const service = undo.use(
    await liveService({
      config: { [SQLITE_SECTION]: await postgresSection(place, postgres) },
      policy: { 'allowEkWithoutCertificate: false': 'allowEkWithoutCertificate: true' },
    }),
  );
  const machines = machinesFor(rate);
  await enrol(place, machines);
  await teach(service, machines);
  await moveCaKey(service, keyServer);
  await service.stop();
  say(`${replicas} replicas`);
  const started: Replica[] = [];
  for (let index = 0; index < replicas; index += 1) started.push(undo.use(await startReplica(service, index)));
  const folder = await mkdtemp(join(tmpdir(), 'muster-soak-nodes-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const configOf = agentConfigs({
    services: started.map(({ url }) => new URL(url)),
    serviceCa: await readFile(service.serviceCaFile, 'utf8'),
    nodeRoot: await readFile(service.nodeRootFile, 'utf8'),
    audience: service.audience,
    folder,
  });
  const lifetime = undo.move();
  return {
    postgres,
    place,
    keyServer,
    replicas: started,
    machines,
    configOf,
    disk,
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

/** How many are enrolled in one transaction. */
const TOGETHER = 100;

/** Enrols the machines in the store itself: by the command line it would be one request, which a busy machine does not answer in time. */
async function enrol(place: PostgresPlace, machines: readonly Machine[]): Promise<void> {
  await using store = await openPostgresStore({ place, now: systemClock });
  for (let from = 0; from < machines.length; from += TOGETHER) {
    const some = machines.slice(from, from + TOGETHER);
    await Promise.all(some.map(({ name, tpm }) => enrolIn(store, tpm, { name })));
  }
}

/** Takes the reference values from the first machine's refused join: they are alike. */
async function teach(service: LiveService, machines: readonly Machine[]): Promise<void> {
  const [machine] = machines;
  if (machine === undefined) throw new RangeError('there are machines');
  const { hostname, port } = new URL(service.url);
  using client = labClient({ host: hostname, port: Number(port), ca: await readFile(service.serviceCaFile, 'utf8') });
  const post = (path: string, body: object) => client.send({ method: 'POST', path, body });
  const { name, tpm } = machine;
  const challenge = await post('/v1/challenges', challengeBodyOf(tpm, name));
  const { audience } = service;
  const answer = answerOf(challengeResponseSchema.parse(challenge.json), tpm, { name, audience });
  const refused = z.object({ instance: z.string() }).parse((await post('/v1/joins', joinBody(answer))).json);
  const request = refused.instance.replace('urn:uuid:', '');
  await must(service.muster('reference', 'capture', '--join', request, '--out', 'muster/reference/lab.yaml'));
  await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/lab.yaml]' });
}

/** Puts an issuing CA in force whose key is the key server's, as docs/operations/rotate-the-ca.md says. */
async function moveCaKey(service: LiveService, keyServer: SoakKeyServer): Promise<void> {
  const file = (name: string): string => join(service.folder, 'muster', name);
  const { address, ca, roleId, secretId, publicKeyPem } = keyServer;
  await writeFile(file('key-server-ca.pem'), ca);
  await writeFile(file('secrets/role-id'), `${roleId}\n`, { mode: 0o600 });
  await writeFile(file('secrets/secret-id'), `${secretId}\n`, { mode: 0o600 });
  await writeFile(file('issuing.pub'), publicKeyPem);
  await writeFile(
    file('signer.yaml'),
    `signer:
  kind: vault
  address: ${address}
  ca: key-server-ca.pem
  key: ${KEY_NAME}
  login: { method: approle, roleIdFile: secrets/role-id, secretIdFile: secrets/secret-id }
`,
  );
  const config = ['--config', 'muster/muster.yaml'];
  const root = ['--root', 'muster/pki/node-root.pem', '--root-key', 'muster/offline/node-root.key'];
  const passphrase = ['--root-passphrase-file', 'muster/secrets/passphrase'];
  const key = ['--signer', 'muster/signer.yaml', '--public-key', 'muster/issuing.pub'];
  await must(service.muster('ca', 'prepare', ...config, ...root, ...passphrase, ...key));
  await must(service.muster('ca', 'activate', '--now', ...config));
}

async function must(ended: Promise<{ exitCode: number; err: string }>): Promise<void> {
  const { exitCode, err } = await ended;
  if (exitCode !== 0) throw new Error(err);
}
