import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { verifyAuditChain } from '#core/audit-chain.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { parseTicketKeys, ticketKey, writeTicketKeys } from '#services/join/ticket-keys.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import type { Store } from '#services/store/store.ts';
import { postgresPrograms } from '#test/lab/postgres.ts';
import {
  type Machine,
  must,
  joinOften,
  joinRequest,
  NODES_CALL_FROM,
  post,
  type Replica,
  type ReplicaFleet,
  startReplicaFleet,
} from '#test/lab/replica-fleet.ts';

const bin = postgresPrograms();
if (bin === undefined) console.warn('SKIPPED: PostgreSQL is not installed: replicas are not tried');
const JOINS_EACH = 8;
/** Another replica leads so long after a leader has died, at the latest, and after one has fallen silent. */
const TAKEN_OVER = { timeout: 30_000, interval: 100 };
const SILENCE_NOTICED = { timeout: 60_000, interval: 250 };

describe.skipIf(bin === undefined)('three replicas over one PostgreSQL (postgresql)', () => {
  const made = new AsyncDisposableStack();
  let fleet: ReplicaFleet;
  let store: Store;

  beforeAll(async () => {
    fleet = made.use(await startReplicaFleet(bin ?? ''));
    store = made.use(await openPostgresStore({ place: fleet.place, now: systemClock }));
  }, 600_000);
  afterAll(() => made.disposeAsync(), 60_000);

  const machine = (n: number): Machine => {
    const found = fleet.machines[n];
    if (found === undefined) throw new RangeError(`${n} is no machine`);
    return found;
  };
  /** The one replica that leads, once there is exactly one. */
  const leader = async (among: readonly Replica[] = fleet.replicas, within = TAKEN_OVER): Promise<Replica> => {
    const leading = async () => (await Promise.all(among.map((one) => one.leads()))).filter((leads) => leads === 1);
    await expect.poll(async () => (await leading()).length, within).toBe(1);
    for (const replica of among) if ((await replica.leads()) === 1) return replica;
    throw new Error('the leader has changed');
  };
  const others = (than: Replica): readonly [Replica, Replica] => {
    const [one, two] = fleet.replicas.filter((replica) => replica !== than);
    if (one === undefined || two === undefined) throw new RangeError('there are three');
    return [one, two];
  };
  const listOf = async ({ client }: Replica): Promise<{ number: number; serials: readonly string[] }> => {
    const { status, headers, der } = await fetchCrl(client);
    if (status !== 200) return { number: 0, serials: [] };
    return { number: Number(String(headers['etag']).replaceAll('"', '')), serials: [...parseCrl(der).entries.keys()] };
  };
  const joinAt = async (replica: Replica, n: number): Promise<string> => {
    const serials = await joinOften(machine(n), replica.client, 1);
    return serials[0] ?? '';
  };
  const bar = (replica: Replica, n: number): Promise<void> => {
    const context = `muster/cli-${fleet.replicas.indexOf(replica)}.yaml`;
    return must(fleet.service.muster('--context-file', context, 'nodes', 'bar', machine(n).name));
  };

  test('finish what another one began, and give one certificate for it', async () => {
    const [one, two, three] = fleet.replicas.map(({ client }) => client);
    if (one === undefined || two === undefined || three === undefined) throw new RangeError('there are three');
    const body = await joinRequest(machine(0), (asked) => one.send(asked));
    const joined = await post(two, '/v1/joins', body);
    expect(joined.status).toBe(201);
    expect((await post(three, '/v1/joins', body)).text).toBe(joined.text);
  });

  test('tell whoever follows one of them what another one did', async () => {
    const [one, two] = fleet.replicas;
    if (one === undefined || two === undefined) throw new RangeError('there are three');
    await using events = await followEvents(fleet, two);
    const serial = await joinAt(one, 1);
    await expect.poll(() => events.text(), { timeout: 30_000, interval: 50 }).toContain(serial);
  });

  test(
    'have one leader, whose list all of them serve, and another one when it is killed',
    { timeout: 180_000 },
    async () => {
      const first = await leader();
      const [one, two] = others(first);
      const [before, after] = [await joinAt(one, 4), await joinAt(first, 5)];
      await bar(one, 4);
      for (const replica of fleet.replicas) {
        await expect.poll(async () => (await listOf(replica)).serials, { timeout: 30_000 }).toContain(before);
      }
      const { number } = await listOf(first);
      await first.running.kill();
      const second = await leader([one, two]);
      await bar(second, 5);
      for (const replica of [one, two]) {
        await expect
          .poll(async () => (await listOf(replica)).serials, { timeout: 30_000 })
          .toEqual(expect.arrayContaining([before, after]));
        expect((await listOf(replica)).number).toBeGreaterThan(number);
      }
      await first.start();
      expect(await leader()).toBe(second);
      await expect.poll(async () => (await listOf(first)).serials, { timeout: 30_000 }).toContain(after);
    },
  );

  test(
    'go on without a leader that stands still, which leads no longer when it goes on',
    { timeout: 180_000 },
    async () => {
      const first = await leader();
      process.kill(first.running.pid, 'SIGSTOP');
      try {
        const second = await leader(others(first), SILENCE_NOTICED);
        expect(second).not.toBe(first);
      } finally {
        process.kill(first.running.pid, 'SIGCONT');
      }
      await expect.poll(() => first.leads(), TAKEN_OVER).toBe(0);
      expect(await leader()).not.toBe(first);
    },
  );

  test(
    'are restarted one after the other behind a balancer, under load and with a new ticket key: no join fails, none gets two certificates',
    { timeout: 480_000 },
    async () => {
      const { replicas, balancer, client } = fleet;
      const ports = replicas.map(({ ports: { node } }) => node);
      await expect.poll(() => new Set(balancer.inService()), TAKEN_OVER).toEqual(new Set(ports));
      const before = await issued(store);
      const joining = [0, 1, 2, 3].map((n) => joinOften(machine(n), client, JOINS_EACH));
      const load = Promise.all(joining);
      rotateSoon(join(fleet.service.folder, 'muster/secrets/ticket.key'), 3_000);
      for (const { running } of replicas) process.kill(running.pid, 'SIGHUP');
      for (const replica of replicas) {
        const stopping = replica.running[Symbol.asyncDispose]();
        // It still takes connections: the balancer has the time to notice.
        await expect.poll(() => balancer.inService(), TAKEN_OVER).not.toContain(replica.ports.node);
        await stopping;
        await replica.start();
        await expect.poll(() => balancer.inService(), TAKEN_OVER).toContain(replica.ports.node);
      }
      const serials = (await load).flat();
      expect(balancer.refused()).toBe(0);
      expect(new Set(serials).size).toBe(4 * JOINS_EACH);
      const after = await issued(store);
      expect(new Set(after.slice(before.length))).toEqual(new Set(serials));
      expect(after).toHaveLength(before.length + serials.length);
      // No other ended a term, or was thought dead, while it was asked to stop.
      expect((await records(store)).map(({ type }) => type)).not.toContain('certificate.orphaned');
    },
  );

  test('have kept one log, in which nodes call from where the balancer says', async () => {
    const all = await records(store);
    expect(verifyAuditChain(all)).toMatchObject({ ok: true });
    const from = all.filter(({ type }) => type === 'certificate.issued').map(({ address }) => address);
    expect(new Set(from)).toEqual(new Set([NODES_CALL_FROM]));
  });
});

const records = (store: Store) => store.readAudit(0, 10_000);

async function issued(store: Store): Promise<readonly string[]> {
  return (await records(store))
    .filter(({ type }) => type === 'certificate.issued')
    .map(({ facts }) => z.object({ serial: z.string() }).parse(facts).serial);
}

/** Adds a key that seals `inMs` from now, as `muster ticket-key rotate` does with minutes. */
function rotateSoon(file: string, inMs: number): void {
  const added = { key: ticketKey(systemRandom(32)), sealsFrom: new Date(Date.now() + inMs) };
  writeFileSync(file, writeTicketKeys([...parseTicketKeys(readFileSync(file)), added]));
}

async function fetchCrl(client: Replica['client']) {
  const answer = await client.send({ path: '/v1/crl' });
  return { ...answer, der: answer.bytes };
}

/** The stream of events of one replica, as an administrator. */
async function followEvents({ service: { folder } }: ReplicaFleet, { ports }: Replica) {
  const identity = readFileSync(join(folder, 'muster/administrators/admin.pem'));
  const ca = readFileSync(join(folder, 'muster/pki/management-ca.pem'));
  let text = '';
  const asked = request({
    host: '127.0.0.1',
    port: ports.admin,
    path: '/v1/events',
    ca,
    cert: identity,
    key: identity,
  });
  await new Promise<void>((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (answer) => {
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        // Its first words say from where on: what is done after them is told.
        resolve();
      });
      answer.on('error', () => undefined);
    });
    asked.end();
  });
  return {
    text: () => text,
    [Symbol.asyncDispose]: () => {
      asked.destroy();
      return Promise.resolve();
    },
  };
}
