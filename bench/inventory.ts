import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';

import { systemClock } from '#core/clock.ts';
import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import type { NodePeer } from '#services/http/node-peer.ts';
import { originOf } from '#services/http/origin.ts';
import type { Route } from '#services/http/route.ts';
import { heartbeatRoutes } from '#services/inventory/heartbeat-routes.ts';
import { NodeContacts } from '#services/inventory/node-contacts.ts';
import type { InventoryFilter } from '#services/store/contact-store.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { Store } from '#services/store/store.ts';
import {
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labPoolName,
  labTake,
  NOON,
} from '#test/lab/store-values.ts';

import { line, median } from './measure.ts';

const NODES = 100_000;
/** Nodes with a certificate, which heartbeats are measured with. */
const JOINED = 2_000;
const PAGES = 15;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const inBatches = async (count: number, size: number, work: (from: number, to: number) => Promise<unknown>) => {
  for (let from = 0; from < count; from += size) await work(from, Math.min(from + size, count));
};
const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, n) => from + n);

/** Enrols the fleet, a tenth of it in another pool, and joins some. */
async function fill(store: Store): Promise<void> {
  await inBatches(NODES, 2_000, (from, to) => {
    const pool = (n: number) => (n % 10 === 9 ? { pool: labPoolName('gpu') } : {});
    const list = range(from, to).map((n) => labEnrolment(n, { ...pool(n), ekCertificate: systemRandom(1_200) }));
    return store.enrolNodes(list, 'admin:bench', NOON, []);
  });
  await inBatches(JOINED, 50, (from, to) =>
    Promise.all(
      range(from, to).map(async (n) => {
        await store.takeTicket(labTake(n));
        await store.reserveSerial(labIntent(n), labTake(n).ticketId, labEvent());
        await store.recordIssued(labIssued(n), labJoin(n), labEvent());
      }),
    ),
  );
}

async function pageTimes(store: Store, filter: InventoryFilter, limit = 200): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < PAGES; round += 1) {
    const started = performance.now();
    await store.listInventory(filter, { limit });
    times.push(performance.now() - started);
  }
  return median(times);
}

/** CPU of the whole process, the store's thread included, and the longest piece of work without a turn for others. */
async function watched(work: () => Promise<unknown>): Promise<{ ms: number; cpuMs: number; blockMs: number }> {
  await turn();
  slices.longestMs = 0;
  slices.begin();
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1_000, blockMs: slices.longestMs };
}

/** The longest that the calling thread computes between two turns of the event loop: CPU, so that other programs do not count. */
const slices = {
  longestMs: 0,
  begun: process.threadCpuUsage(),
  begin(): void {
    slices.begun = process.threadCpuUsage();
  },
  end(): void {
    const { user, system } = process.threadCpuUsage(slices.begun);
    slices.longestMs = Math.max(slices.longestMs, (user + system) / 1_000);
  },
};

async function main(store: Store): Promise<void> {
  say(`Filling a store with ${NODES} nodes …`);
  await fill(store);
  let seconds = 0;
  const contacts = await NodeContacts.open({
    now: () => new Date(NOON.getTime() + seconds * 1_000),
    elapsedMs: () => seconds * 1_000,
    turn: async () => {
      slices.end();
      await turn();
      slices.begin();
    },
    silence: { lateMs: 90_000, lostMs: 600_000 },
    store,
  });
  const hear = (n: number): void => {
    const { id: nodeId, name } = labEnrolment(n);
    const boot = { bootId: '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f', agentVersion: '1.0.0', clockOffsetMs: 0 };
    contacts.heard({ nodeId, name, at: NOON, address: '192.0.2.7', ...boot });
  };
  for (let n = 0; n < NODES - 100; n += 1) hear(n);
  const first = await watched(() => contacts.record(true));
  say(line('first heartbeats of all recorded, with two audit records each', first.ms, 'ms'));

  say('\nA page of 200 of them; aim ≤ 50 ms:');
  const filters: Record<string, InventoryFilter> = {
    'no filter': {},
    'state joined': { state: 'joined' },
    'one pool of two': { pools: [labPoolName('gpu')] },
    connected: { connectivity: 'connected' },
    'never seen: 100 of them': { connectivity: 'never-seen' },
    'enrolled, connected, in one pool': { state: 'enrolled', connectivity: 'connected', pools: [labPoolName('gpu')] },
    'barred and connected: none': { state: 'barred', connectivity: 'connected' },
    'joined and lost: none': { state: 'joined', connectivity: 'lost' },
    'a prefix': { prefix: 'worker-0999' },
    'a part of the name that few have': { text: '99998' },
    'a part of the name that none has': { text: 'nobody' },
    'the beginning of an EK': { text: labEnrolment(77_777).ekFingerprint.slice(0, 12) },
    'an address that all have': { text: '192.0.2.7' },
  };
  for (const [name, filter] of Object.entries(filters)) say(line(name, await pageTimes(store, filter), 'ms'));
  say(line('1,000 without a filter', await pageTimes(store, {}, 1_000), 'ms'));

  const [route] = heartbeatRoutes({
    now: () => NOON,
    elapsedMs: () => performance.now(),
    store,
    contacts,
    appendAudit: () => Promise.resolve(),
    exposesCopy: () => Promise.resolve(false),
    nextSeconds: 30,
  });
  if (route === undefined) throw new Error('a route');
  await beats(route, JOINED);
  await contacts.record(true);
  const handled = await watched(() => beats(route, JOINED));
  const recorded = await watched(() => contacts.record(true));
  say('\nA heartbeat: schema, certificate on record, node’s standing, memory; aim ≤ 300 µs with its record:');
  say(line('handled', (handled.cpuMs / JOINED) * 1_000, 'µs'));
  say(line('recorded with others, by both threads', (recorded.cpuMs / JOINED) * 1_000, 'µs'));

  seconds = 95;
  const sweep = await watched(() => contacts.sweep());
  say(`\nA sweep that finds ${NODES} nodes late; aim ≤ 1,000 ms, no block over 10:`);
  say(line('sweep', sweep.ms, 'ms'));
  say(line('longest work between two turns of the event loop, CPU', sweep.blockMs, 'ms'));
  const quiet = await watched(() => contacts.sweep());
  say(line('a sweep that finds nothing', quiet.ms, 'ms'));
  const told = await watched(() => contacts.record(false));
  say(line('all of it recorded, an audit record each', told.ms, 'ms'));
  say(line('longest work between two turns while that is done, CPU', told.blockMs, 'ms'));
}

async function beats(route: Route<NodePeer>, count: number): Promise<void> {
  const body = {
    bootId: '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f',
    agentVersion: '1.0.0',
    clock: systemClock().toISOString(),
  };
  for (let n = 0; n < count; n += 1) {
    const { serial, fingerprint, notBefore, notAfter } = labIssued(n);
    const answer = await route.run({
      caller: { certificate: { serial, fingerprint, notBefore, notAfter } },
      params: {},
      queryString: '',
      requestId: newRequestId(systemRandom),
      origin: originOf('192.0.2.7'),
      hasBody: true,
      header: () => undefined,
      readBody: () => Promise.resolve(body),
    });
    if (!('status' in answer)) throw new Error(answer.problem);
  }
}

const directory = mkdtempSync(join(tmpdir(), 'muster-bench-'));
try {
  await using store = await openSqliteStore({ path: join(directory, 'muster.db') });
  await main(store);
} finally {
  rmSync(directory, { recursive: true });
}
