import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { Store } from '#services/store/store.ts';
import { NOON, labEnrolment, labEvent, labIntent, labIssued, labJoin, labTake } from '#test/lab/store-values.ts';

/** What durable records cost, through the store's own thread. CPU is the process's, both threads and the kernel's part included. */
export interface StoreCosts {
  /** Audit records per second, each with a commit of its own, one after the other. */
  readonly alonePerSecond: number;
  readonly aloneCpuMicroseconds: number;
  /** The same with 16 callers at a time, which share commits. */
  readonly groupedPerSecond: number;
  readonly groupedCpuMicroseconds: number;
  /** `groupedPerSecond` ÷ `alonePerSecond`. */
  readonly ratio: number;
  /** What one join asks of the store, two reads and three durable writes, with 16 joins at a time. */
  readonly joinCpuMicroseconds: number;
}

const GROUP = 16;
const WRITES = 2_000;
const JOINS = 2_000;

interface Measured {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

/** Measures them in a store that is made for it and removed, in the directory for temporary files. */
export async function benchStore(): Promise<StoreCosts> {
  const directory = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  try {
    await using store = await openSqliteStore({ path: join(directory, 'muster.db') });
    const append = (n: number): Promise<unknown> => store.appendAudit(labEvent({ facts: { n } }));
    await measure(WRITES, GROUP, append);
    const alone = await measure(WRITES, 1, append);
    const grouped = await measure(WRITES * 4, GROUP, append);
    const numbers = Array.from({ length: JOINS * 2 }, (_, n) => labEnrolment(n));
    await store.enrolNodes(numbers, 'admin:bench', NOON, []);
    await measure(JOINS, GROUP, (n) => storeJoin(store, n));
    const joins = await measure(JOINS, GROUP, (n) => storeJoin(store, JOINS + n));
    return {
      alonePerSecond: alone.perSecond,
      aloneCpuMicroseconds: alone.cpuMicroseconds,
      groupedPerSecond: grouped.perSecond,
      groupedCpuMicroseconds: grouped.cpuMicroseconds,
      ratio: grouped.perSecond / alone.perSecond,
      joinCpuMicroseconds: joins.cpuMicroseconds,
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The calls that `admitNode` and the challenge before it make, with facts of the size that theirs have. */
async function storeJoin(store: Store, n: number): Promise<void> {
  const { id, name, ekFingerprint } = labEnrolment(n);
  const pcrs = Object.fromEntries(Array.from({ length: 10 }, (_, pcr) => [String(pcr), ekFingerprint]));
  const event = { requestId: labIntent(n).requestId, nodeName: name, address: '192.0.2.7' };
  await store.findNodeByEk(ekFingerprint);
  await store.takeTicket(labTake(n));
  await store.findNode(id);
  await store.reserveSerial(labIntent(n), labTake(n).ticketId, labEvent({ ...event, facts: { nodeId: id } }));
  await store.recordIssued(labIssued(n), labJoin(n), labEvent({ ...event, facts: { nodeId: id, evidence: { pcrs } } }));
}

/** Runs `one` for 0 to `count` - 1, `parallel` at a time. */
async function measure(count: number, parallel: number, one: (n: number) => Promise<unknown>): Promise<Measured> {
  let next = 0;
  const cpuBefore = process.cpuUsage();
  const start = process.hrtime.bigint();
  const runner = async (): Promise<void> => {
    while (next < count) {
      const n = next;
      next += 1;
      await one(n);
    }
  };
  await Promise.all(Array.from({ length: parallel }, runner));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const cpu = process.cpuUsage(cpuBefore);
  return { perSecond: count / seconds, cpuMicroseconds: (cpu.user + cpu.system) / count };
}
