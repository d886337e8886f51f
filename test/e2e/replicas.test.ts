import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { systemClock } from '#core/clock.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import { verifyAuditChain } from '#core/audit-chain.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import { type LabClient, type LabRequest, labClient, type LabResponse } from '#test/lab/https-client.ts';
import { answerOf, AUDIENCE } from '#test/lab/join-lab.ts';
import { liveService, type LiveService } from '#test/lab/live-service.ts';
import { type LabPostgres, postgresPrograms, startPostgres } from '#test/lab/postgres.ts';
import { freePorts, type RunningService, startMusterServe } from '#test/lab/programs.ts';
import { type LabTpm, labTpm } from '#test/lab/software-tpm.ts';
import { challengeBodyOf } from '#test/lab/two-nodes.ts';
import { joinBody } from '#test/lab/wire.ts';

const bin = postgresPrograms();
const NODES = 6;
const JOINS_EACH = 8;

interface Machine {
  readonly name: string;
  readonly tpm: LabTpm;
}

/** A replica: its process, which comes and goes, and how nodes reach it. */
interface Replica {
  readonly config: string;
  readonly client: LabClient;
  running: RunningService;
}

describe.skipIf(bin === undefined)('three replicas over one PostgreSQL (postgresql)', () => {
  let postgres: LabPostgres;
  let place: PostgresPlace;
  let first: LiveService;
  const replicas: Replica[] = [];
  const machines: readonly Machine[] = Array.from({ length: NODES }, (_, index) => ({
    name: `worker-${index + 1}`,
    tpm: labTpm(),
  }));

  beforeAll(async () => {
    postgres = await startPostgres(bin ?? '');
    place = await postgres.createDatabase('muster');
    first = await liveService({
      init: ['--name', AUDIENCE],
      config: { 'kind: sqlite\n  path: data/muster.db': await postgresSection(place, postgres) },
      policy: { 'allowEkWithoutCertificate: false': 'allowEkWithoutCertificate: true' },
    });
    await enrolAll(first, machines);
    await first.stop();
    for (let index = 0; index < 3; index += 1) replicas.push(await startReplica(first, index));
  }, 120_000);

  afterAll(async () => {
    for (const { running, client } of replicas) {
      client[Symbol.dispose]();
      await running[Symbol.asyncDispose]();
    }
    await first[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  test('finish what another one began, and give one certificate for it', async () => {
    const [machine] = machines;
    const [one, two, three] = replicas;
    if (machine === undefined || one === undefined || two === undefined || three === undefined)
      throw new Error('three');
    const challenge = await send(one.client, '/v1/challenges', challengeBodyOf(machine.tpm, machine.name));
    const body = joinBody(answerOf(challengeResponseSchema.parse(challenge.json), machine.tpm, { name: machine.name }));
    const joined = await send(two.client, '/v1/joins', body);
    expect(joined.status).toBe(201);
    const again = await send(three.client, '/v1/joins', body);
    expect(again.text).toBe(joined.text);
  });

  test(
    'are restarted one after the other under load: no join fails, none gets two certificates',
    { timeout: 180_000 },
    async () => {
      const before = await issued(place);
      const load = Promise.all(machines.map((machine) => joinOften(machine, replicas)));
      for (const replica of replicas) {
        await replica.running[Symbol.asyncDispose]();
        replica.running = await startMusterServe(replica.config, first.folder);
      }
      const serials = (await load).flat();
      expect(serials).toHaveLength(NODES * JOINS_EACH);
      expect(new Set(serials).size).toBe(serials.length);
      const after = await issued(place);
      expect(after.length - before.length).toBe(serials.length);
      await using store = await openPostgresStore({ place, now: systemClock });
      const records = await store.readAudit(0, 10_000);
      expect(verifyAuditChain(records)).toMatchObject({ ok: true });
    },
  );
});

const send = (client: LabClient, path: string, body: object): Promise<LabResponse> =>
  client.send({ method: 'POST', path, body });

/** One machine's joins, each at whichever replica answers, as an agent would. Resolves to their serials. */
async function joinOften({ name, tpm }: Machine, replicas: readonly Replica[]): Promise<readonly string[]> {
  const serials: string[] = [];
  let turn = Number(name.slice(-1));
  const ask = async (request: LabRequest): Promise<LabResponse> => {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      turn += 1;
      const answer = await replicas[turn % replicas.length]?.client.send(request).catch(() => undefined);
      // Away, draining, or busy with this very request.
      if (answer !== undefined && answer.status !== 503 && answer.problem !== 'state-conflict') return answer;
      await new Promise((settled) => setTimeout(settled, 25));
    }
    throw new Error('no replica answers');
  };
  while (serials.length < JOINS_EACH) {
    const challenge = await ask({ method: 'POST', path: '/v1/challenges', body: challengeBodyOf(tpm, name) });
    const body = joinBody(answerOf(challengeResponseSchema.parse(challenge.json), tpm, { name }));
    const joined = await ask({ method: 'POST', path: '/v1/joins', body });
    if (joined.status !== 201) throw new Error(`${name}: ${joined.status} ${joined.text}`);
    serials.push(joinResponseSchema.parse(joined.json).certificate.serial);
  }
  return serials;
}

async function startReplica({ folder, serviceCaFile }: LiveService, index: number): Promise<Replica> {
  const [nodePort, adminPort] = await freePorts();
  const text = await readFile(join(folder, 'muster/muster.yaml'), 'utf8');
  const [, firstNode, firstAdmin] = /port: (\d+)[\s\S]*?port: (\d+)/.exec(text) ?? [];
  const config = `muster/replica-${index}.yaml`;
  await writeFile(
    join(folder, config),
    text.replace(`port: ${firstNode}`, `port: ${nodePort}`).replace(`port: ${firstAdmin}`, `port: ${adminPort}`),
  );
  const client = labClient({
    host: '127.0.0.1',
    port: nodePort,
    ca: readFileSync(serviceCaFile, 'utf8'),
    maxSockets: 8,
  });
  return { config, client, running: await startMusterServe(config, folder) };
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
  using client = labClient({ host: '127.0.0.1', port: Number(port), ca: readFileSync(service.serviceCaFile, 'utf8') });
  const challenge = await send(client, '/v1/challenges', challengeBodyOf(machine.tpm, machine.name));
  const answer = answerOf(challengeResponseSchema.parse(challenge.json), machine.tpm, { name: machine.name });
  const refused = z.object({ instance: z.string() }).parse((await send(client, '/v1/joins', joinBody(answer))).json);
  const out = 'muster/reference/lab.yaml';
  const request = refused.instance.replace('urn:uuid:', '');
  await must(service.muster('reference', 'capture', '--join', request, '--out', out));
  await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/lab.yaml]' });
}

async function must(ended: Promise<{ exitCode: number; err: string }>): Promise<void> {
  const { exitCode, err } = await ended;
  if (exitCode !== 0) throw new Error(err);
}

async function issued(place: PostgresPlace): Promise<readonly string[]> {
  await using store = await openPostgresStore({ place, now: systemClock });
  const records = await store.readAudit(0, 10_000);
  return records.filter(({ type }) => type === 'certificate.issued').map(({ hash }) => hash);
}
