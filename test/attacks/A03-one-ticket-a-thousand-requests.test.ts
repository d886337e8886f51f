import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { challengeResponseSchema } from '#protocol/challenge.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import { answerOf, enrol, labJoinPolicy } from '#test/lab/join-lab.ts';
import { runServiceOver, type RunningService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';
import { answerName, challengeBodyOf, FIRST, issuedCount, postChallenge, postJoin } from '#test/lab/two-nodes.ts';
import { joinBody } from '#test/lab/wire.ts';

const REQUESTS = 1_000;
const PATIENT = { timeout: 120_000 };

describe('A03 one ticket in a thousand requests at once, to two servers over one store', () => {
  const store = memoryStore();
  const tpm = labTpm();
  const policy = labJoinPolicy(tpm);
  let servers: readonly [RunningService, RunningService];

  beforeAll(async () => {
    const rates = { perEk: { burst: 100_000, perMinute: 100_000 } };
    const configure = { limits: { rates, work: { waitSeconds: 60 } } };
    // The second server gives the store back when it stops.
    const borrowed = { ...store, [Symbol.asyncDispose]: () => Promise.resolve() };
    const serve = (over: typeof store) => runServiceOver({ store: over, policy, tpm, configure });
    servers = [await serve(store), await serve(borrowed)];
    await enrol(store, tpm);
  });

  afterAll(async () => {
    for (const server of servers.toReversed()) await server[Symbol.asyncDispose]();
  });

  const challenge = async () => {
    const response = await postChallenge(servers[0].node(), challengeBodyOf(tpm, FIRST));
    return challengeResponseSchema.parse(response.json);
  };

  /** What the answers were, and how often. */
  const sendAll = async (bodies: readonly object[]): Promise<ReadonlyMap<string, number>> => {
    const clients = servers.map((server) => server.node(40));
    const counts = new Map<string, number>();
    await Promise.all(
      bodies.map(async (body, index) => {
        const client = clients[index % clients.length];
        if (client === undefined) throw new Error('a server');
        const name = answerName(await postJoin(client, body));
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }),
    );
    return counts;
  };

  test(
    `A03 ${REQUESTS} good answers to one challenge, each for a key of its own: one certificate`,
    PATIENT,
    async () => {
      const given = await challenge();
      const bodies = Array.from({ length: REQUESTS }, () => joinBody(answerOf(given, tpm)));
      const before = await issuedCount(servers[0]);
      const counts = await sendAll(bodies);
      expect(counts.get('ok')).toBe(1);
      expect((await issuedCount(servers[0])) - before).toBe(1);
      expect([...counts.keys()].filter((name) => name !== 'ok' && name !== 'challenge-invalid')).toEqual([]);
    },
  );

  test(
    `A03 one answer sent ${REQUESTS} times: one certificate, which every answer that has one repeats`,
    PATIENT,
    async () => {
      const body = joinBody(answerOf(await challenge(), tpm));
      const before = await issuedCount(servers[0]);
      const counts = await sendAll(Array.from({ length: REQUESTS }, () => body));
      expect((await issuedCount(servers[0])) - before).toBe(1);
      expect(counts.get('ok')).toBeGreaterThanOrEqual(1);
      expect([...counts.keys()].filter((name) => name !== 'ok' && name !== 'state-conflict')).toEqual([]);
    },
  );

  test('A03 a second process cannot have the embedded store at all', async () => {
    const { path, remove } = labStorePath();
    const first = await openSqliteStore({ path });
    await expect(openSqliteStore({ path })).rejects.toThrow('cannot be opened');
    await first[Symbol.asyncDispose]();
    remove();
  });
});
