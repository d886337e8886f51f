import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';

import { systemClock } from '#core/clock.ts';
import { isSerial, newNodeId, type Serial } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { createRootCa } from '#pki/ca-certificates.ts';
import { generateKey } from '#pki/ceremony.ts';
import { newSerial } from '#pki/serial.ts';
import { localSigner } from '#pki/signer-file.ts';
import { openCrlBuilder } from '#services/revocation/crl-builder.ts';
import { crlPublisher } from '#services/revocation/crl-publisher.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';

import { line, median } from './measure.ts';

const REVOKED = 100_000;
/** Certificates that are still good, to be revoked one by one. */
const GOOD = 200;

/** The revocation path over a real store with 100,000 revoked certificates. */
export interface RevocationBench {
  /** From an empty publisher to the first list: reading, encoding, linting, signing. */
  readonly firstListMilliseconds: number;
  /** The longest that other work of the main thread waited meanwhile. */
  readonly longestBlockAtStartMilliseconds: number;
  /** One more revocation to the list that tells of it. Aim: at most 1,000. */
  readonly nextListMilliseconds: number;
  /** This thread's CPU for it: reading what is new, hashing 5 MB twice, signing. The thread that makes lists is not counted. */
  readonly nextListCpuMilliseconds: number;
  /** The longest that other work of the main thread waited meanwhile. Aim: at most 50. */
  readonly longestBlockMilliseconds: number;
  /** A revocation, durable with its audit record, while lists are being made. Aim: at most 50. */
  readonly revokeP99Milliseconds: number;
  readonly revokeMedianMilliseconds: number;
}

/** Fills a store in a directory of its own, measures, and leaves nothing behind. */
export async function benchRevocation(): Promise<RevocationBench> {
  const directory = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  try {
    const path = join(directory, 'muster.db');
    await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
    const good = fill(path);
    await using store = await openSqliteStore({ path });
    const plan = { organization: 'Bench', commonName: 'root', lifetimeDays: 30 };
    const signer = localSigner(await generateKey());
    const authority = await createRootCa('node-root-ca', plan, signer, { now: systemClock(), random: systemRandom });
    const openBuilder = () => openCrlBuilder(authority.certificate.der);
    const term = await store.beginTerm();
    await using publisher = crlPublisher({ authority, store, now: systemClock, term: () => term, openBuilder });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const firstListMilliseconds = await timed(() => publisher.refresh());
    const longestBlockAtStartMilliseconds = delay.max / 1e6;
    delay.reset();

    const revoke = async (serial: Serial): Promise<void> => {
      const at = systemClock();
      const event = { type: 'certificate.revoked', at, actor: 'admin:bench', facts: { serial } };
      await store.revokeCertificates({ at, reason: 'keyCompromise', certificates: [{ serial, event }] });
    };
    const lists: number[] = [];
    const cpu: number[] = [];
    for (const serial of good.slice(0, 5)) {
      await revoke(serial);
      const start = process.threadCpuUsage();
      lists.push(await timed(() => publisher.refresh()));
      const { user, system } = process.threadCpuUsage(start);
      cpu.push((user + system) / 1_000);
    }
    const each: number[] = [];
    let making = publisher.refresh();
    let isMade = true;
    for (const serial of good.slice(5)) {
      if (isMade) {
        isMade = false;
        making = publisher.refresh().then(() => {
          isMade = true;
        });
      }
      each.push(await timed(() => revoke(serial)));
    }
    await making;
    delay.disable();
    if (publisher.current()?.entries !== REVOKED + GOOD) await publisher.refresh();
    if (publisher.current()?.entries !== REVOKED + GOOD) throw new Error('the list is not complete');
    const sorted = each.toSorted((a, b) => a - b);
    return {
      firstListMilliseconds,
      longestBlockAtStartMilliseconds,
      nextListMilliseconds: median(lists),
      nextListCpuMilliseconds: median(cpu),
      longestBlockMilliseconds: delay.max / 1e6,
      revokeP99Milliseconds: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
      revokeMedianMilliseconds: median(each),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Says what was measured. */
export function sayRevocation(say: (text: string) => void, found: RevocationBench): void {
  say(`\nRevocation, over a store with ${REVOKED} revoked certificates (the list is made in a thread):`);
  say(line('the first list after a start', found.firstListMilliseconds, 'ms'));
  say(line('the same: longest that the event loop waited', found.longestBlockAtStartMilliseconds, 'ms'));
  say(line('one more revocation to the list that tells of it; aim ≤ 1,000', found.nextListMilliseconds, 'ms'));
  say(line('the same: CPU of the main thread', found.nextListCpuMilliseconds, 'ms'));
  say(line('longest that the event loop waited; aim ≤ 50', found.longestBlockMilliseconds, 'ms'));
  say(line('a revocation, durable, while lists are made: median', found.revokeMedianMilliseconds, 'ms'));
  say(line('the same: p99; aim ≤ 50', found.revokeP99Milliseconds, 'ms'));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Puts rows in, past the store's own way in: a hundred thousand joins would take minutes. Gives the serials that are not revoked. */
function fill(path: string): readonly Serial[] {
  const database = new DatabaseSync(path);
  const nodeId = newNodeId(systemRandom);
  const [before, after] = ['2026-01-01T00:00:00.000Z', '2036-01-01T00:00:00.000Z'];
  database.exec('begin');
  database
    .prepare(
      "insert into nodes (id, name, pool, state, ek_fingerprint, enrolled_at, enrolled_by) values (?, 'bench', 'bench', 'joined', 'ek', ?, 'bench')",
    )
    .run(nodeId, before);
  const certificate = database.prepare(
    "insert into certificates (serial, node_id, node_name, request_id, state, spki_fingerprint, tbs_digest, not_before, not_after, fingerprint, der) values (?, ?, 'bench', 'request', ?, 'key', 'tbs', ?, ?, ?, x'00')",
  );
  const revocation = database.prepare(
    "insert into revocations (serial, not_after, reason, revoked_at, change, dropped) values (?, ?, 'keyCompromise', ?, 0, 0)",
  );
  const good: Serial[] = [];
  for (let n = 0; n < REVOKED + GOOD; n += 1) {
    const serial = newSerial(systemRandom);
    if (!isSerial(serial)) throw new Error('a new serial is in form');
    certificate.run(serial, nodeId, n < REVOKED ? 'revoked' : 'issued', before, after, serial);
    if (n < REVOKED) revocation.run(serial, after, before);
    else good.push(serial);
  }
  database.exec('commit');
  database.close();
  return good;
}
