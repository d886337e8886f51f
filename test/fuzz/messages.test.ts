import { once } from 'node:events';
import { Agent, createServer, request, type Server } from 'node:http';
import { threadCpuUsage } from 'node:process';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { problemDocument, problemName } from '#protocol/problem.ts';
import { adminRoutes } from '#services/admin/routes.ts';
import { nodeGate } from '#services/compose/gates.ts';
import { createApp, type Gate } from '#services/http/app.ts';
import { forAnybody } from '#services/http/node-peer.ts';
import type { Principal } from '#services/http/principal.ts';
import { joinRoutes } from '#services/join/routes.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import { silentLog } from '#test/fakes/silent-log.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import { answerOf, challengeFor, challengeRequestOf, joinLab, LOOPBACK } from '#test/lab/join-lab.ts';
import { LAB_NOW } from '#test/lab/node-ca.ts';
import { hostileBytes } from '#test/lab/mutate.ts';
import { challengeBody, joinBody } from '#test/lab/wire.ts';

/** Answers that a mutated message may get besides a problem: one that still says the same is as good as the original. */
const ACCEPTED = [200, 201];
/** Problems that mean the service is at fault, whatever it was sent. */
const FAULTS = ['internal-error', 'dependency-unavailable'];
/** CPU of this thread, client and garbage collector included, that one message may cost. */
const MAX_MS = 50;

const servers: Server[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const bodies: Record<string, object> = {};
let ports: Record<string, number> = {};

beforeAll(async () => {
  const admitted = memoryStore();
  const lab = await joinLab({
    store: admitted,
    // A ticket that can be used again and again, so that mutated evidence gets past it.
    override: {
      takeTicket: () => Promise.resolve({ kind: 'fresh' }),
      reserveSerial: () => Promise.resolve(),
      recordIssued: () => Promise.resolve(),
    },
  });
  bodies['/v1/challenges'] = challengeBody(challengeRequestOf(lab.tpm));
  const challenge = await challengeFor(lab, { address: LOOPBACK });
  bodies['/v1/joins'] = joinBody(answerOf(challenge, lab.tpm));
  bodies['/v1/enrolments'] = {
    nodes: [{ name: 'worker-8', pool: 'general', ekPublicHash: 'ab'.repeat(32) }],
    dryRun: true,
  };
  const everyone: Gate<Principal> = {
    identify: () =>
      Promise.resolve({
        name: 'alice',
        role: 'cluster-administrator',
        fingerprint: certificateFingerprint(utf8('alice')),
        notAfter: LAB_NOW,
      }),
    permits: () => true,
    nameOf: ({ name }) => name,
    authenticated: true,
    recordRefusal: () => Promise.resolve(),
  };
  const common = { log: silentLog, random: systemRandom };
  const node = createApp({ ...common, listener: 'node', routes: joinRoutes(lab.deps).map(forAnybody), gate: nodeGate });
  const policyStatus = () => ({ policy: lab.policy, loadedAt: LAB_NOW, lastError: undefined });
  const admin = createApp({
    ...common,
    listener: 'admin',
    gate: everyone,
    routes: adminRoutes({
      now: lab.clock.now,
      random: systemRandom,
      policyStatus,
      hasPool: (pool) => lab.policy.pools.has(pool),
      findNodeByName: (name) => admitted.findNodeByName(name),
      findNodeByEk: (ek) => admitted.findNodeByEk(ek),
      enrolNodes: (...enrolment) => admitted.enrolNodes(...enrolment),
      appendAudit: (event) => admitted.appendAudit(event),
    }),
  });
  const [nodePort, adminPort] = [await listen(createServer(node)), await listen(createServer(admin))];
  ports = { '/v1/challenges': nodePort, '/v1/joins': nodePort, '/v1/enrolments': adminPort };
});

afterAll(() => {
  agent.destroy();
  for (const server of servers) server.close();
});

// What a mutated join may certify is `test/join/mutated-messages.test.ts`; here it is the listener that must stand.
describe.each(['/v1/challenges', '/v1/joins', '/v1/enrolments'])('a message to %s', (path) => {
  test('is accepted as it is', async () => {
    const { status } = await send(path, Buffer.from(JSON.stringify(bodies[path])));
    expect(ACCEPTED).toContain(status);
  });

  test(
    `mutated in ${FUZZ_RUNS} ways gets a listed problem within ${MAX_MS} ms of CPU`,
    async () => {
      const seen = new Map<string, number>();
      await fc.assert(
        fc.asyncProperty(mutations(bodies[path] ?? {}), async (bytes) => {
          const before = threadCpuUsage();
          const { status, text } = await send(path, bytes);
          const { user, system } = threadCpuUsage(before);
          const said = ACCEPTED.includes(status) ? 'accepted' : listedProblem(status, text);
          seen.set(said, (seen.get(said) ?? 0) + 1);
          expect(FAULTS).not.toContain(said);
          expect((user + system) / 1_000).toBeLessThan(MAX_MS);
        }),
        { numRuns: FUZZ_RUNS },
      );
      console.log(`${path}: ${[...seen].map(([said, count]) => `${count} ${said}`).join(', ')}`);
    },
    60_000 + FUZZ_RUNS * 20,
  );
});

/** The problem's name, which must be one of the table's and fit the status. */
function listedProblem(status: number, text: string): string {
  const document = problemDocument.parse(JSON.parse(text));
  expect(document.status).toBe(status);
  const name = problemName(document.type);
  if (name === undefined) throw new Error(`not a listed problem: ${document.type}`);
  return name;
}

type Path = readonly (string | number)[];

/** The message with its text damaged, one value replaced by any JSON, or the bytes within one value damaged. */
function mutations(body: object): fc.Arbitrary<Uint8Array> {
  const text = Buffer.from(JSON.stringify(body));
  const places = leaves(body, []);
  const replaced = fc
    .tuple(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 3 }))
    .map(([place, value]) => withValue(body, place, value));
  const binary = places.filter((place) => isLongBinary(valueAt(body, place)));
  const damaged = binary.map((place) =>
    hostileBytes([Buffer.from(String(valueAt(body, place)), 'base64url')], 2_048).map((bytes) =>
      withValue(body, place, toBase64Url(bytes)),
    ),
  );
  const asText = fc.oneof(replaced, ...damaged).map((changed) => Buffer.from(JSON.stringify(changed)));
  return fc.oneof({ arbitrary: hostileBytes([text], 2_048), weight: 1 }, { arbitrary: asText, weight: 4 });
}

const isLongBinary = (value: unknown): boolean => typeof value === 'string' && value.length >= 32 && isBase64Url(value);

function leaves(value: unknown, at: Path): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([key, member]) =>
    leaves(member, [...at, Array.isArray(value) ? Number(key) : key]),
  );
}

function valueAt(value: unknown, [first, ...rest]: Path): unknown {
  if (first === undefined) return value;
  return valueAt(typeof value === 'object' && value !== null ? Reflect.get(value, first) : undefined, rest);
}

function withValue(value: unknown, [first, ...rest]: Path, leaf: unknown): unknown {
  if (first === undefined || typeof value !== 'object' || value === null) return leaf;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  Reflect.set(copy, first, withValue(Reflect.get(value, first), rest, leaf));
  return copy;
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function send(path: string, bytes: Uint8Array): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json', 'content-length': bytes.byteLength };
  const port = ports[path] ?? 0;
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: LOOPBACK, port, path, method: 'POST', headers, agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}
