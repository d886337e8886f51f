import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, test } from 'vitest';

import { AuditChainVerifier } from '#core/audit-chain.ts';
import { utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { type OpenOperations, openSqliteOperations } from '#services/store/sqlite/sqlite-operations.ts';
import type { StoreOperations } from '#services/store/store-operations.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';
import { labEnrolment, labSerial, labTake } from '#test/lab/store-values.ts';

const WRITER = 'test/lab/store-writer.ts';
const KILLS = Number(process.env['MUSTER_KILLS'] ?? 20);
/** Stores that are killed side by side, so that one process's start overlaps another's work. */
const STORES = 4;

const strace = spawnSync('strace', ['-V']).status === 0;
if (!strace) console.warn('strace is not installed: NOT counting fsync, NOT failing it');

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function newStorePath(): string {
  const { path, remove } = labStorePath();
  cleanups.push(remove);
  return path;
}

const openHere = (path: string): Promise<OpenOperations> =>
  openSqliteOperations(path, (commit) => setImmediate(() => void commit()));

/** Everything the writer said until its end, and how it ended. `onLine` sees each line as it comes. */
async function watch(writer: ChildProcess, onLine: (count: number) => void): Promise<readonly string[]> {
  let said = '';
  writer.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    onLine(said.split('\n').length - 1);
  });
  await once(writer, 'close');
  return said.split('\n').slice(0, -1);
}

/** What was acknowledged and is not in the store. */
async function findForgotten(store: StoreOperations, lines: readonly string[]): Promise<readonly string[]> {
  const forgotten: string[] = [];
  for (const line of lines) {
    const [what = '', number = '', hash = ''] = line.split(' ');
    if (!(await remembers(store, what, Number(number), hash))) forgotten.push(line);
  }
  return forgotten;
}

async function remembers(store: StoreOperations, what: string, n: number, hash: string): Promise<boolean> {
  switch (what) {
    case 'enrolled':
      return (await store.findNode(labEnrolment(n).id)) !== undefined;
    case 'taken':
      return (
        (await store.takeTicket(labTake(n, { requestDigest: sha256Hex(utf8('another request')) }))).kind === 'spent'
      );
    case 'reserved':
      return (await store.findCertificate(labSerial(n))) !== undefined;
    case 'issued':
      return (await store.findCertificate(labSerial(n)))?.state === 'issued';
    case 'appended':
      return (await store.readAudit(n - 1, 1))[0]?.hash === hash;
    default:
      return true;
  }
}

async function expectSoundChain(store: StoreOperations): Promise<void> {
  const verifier = new AuditChainVerifier({ stored: await store.auditHead() });
  for (let after = 0; ;) {
    const records = await store.readAudit(after, 1_000);
    for (const record of records) verifier.add(record);
    if (records.length === 0) break;
    after += records.length;
  }
  expect(verifier.finish()).toMatchObject({ ok: true });
}

/** Kills writers one after the other on one store, each after another number of acknowledged writes. */
async function killOften(path: string, kills: number, seed: number): Promise<number> {
  let acknowledged = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const first = kill * 10_000;
    const args = [WRITER, path, String(first), String(first + 10_000), '8'];
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const enough = 3 + ((seed * 31 + kill * 47) % 150);
    const lines = await watch(writer, (count) => {
      if (count >= enough) writer.kill('SIGKILL');
    });
    expect(writer.signalCode).toBe('SIGKILL');
    const { operations, close } = await openHere(path);
    expect(await findForgotten(operations, lines)).toEqual([]);
    await expectSoundChain(operations);
    close();
    acknowledged += lines.length - 1;
  }
  return acknowledged;
}

describe('the store in SQLite', () => {
  test(
    'has every acknowledged write, and a whole chain, after its process was killed',
    { timeout: 30_000 + KILLS * 3_000 },
    async () => {
      const each = Math.ceil(KILLS / STORES);
      const stores = Array.from({ length: STORES }, (_, seed) => killOften(newStorePath(), each, seed));
      const acknowledged = (await Promise.all(stores)).reduce((sum, count) => sum + count, 0);
      expect(acknowledged).toBeGreaterThan(KILLS);
    },
  );

  test.skipIf(!strace)(
    'is told by the disk that a write is there before it says so (strace)',
    { timeout: 60_000 },
    () => {
      const path = newStorePath();
      const trace = `${path}.trace`;
      const options = ['-f', '-qq', '-e', 'trace=fsync,fdatasync,write', '-e', 'signal=none', '-o', trace];
      const run = spawnSync('strace', [...options, process.execPath, WRITER, path, '0', '5', '1'], {
        encoding: 'utf8',
      });
      expect(run.status).toBe(0);
      const { acknowledged, unsynced } = countSyncs(readFileSync(trace, 'utf8'));
      expect(acknowledged).toBe(25);
      expect(unsynced).toEqual([]);
    },
  );

  test.skipIf(!strace)('is in doubt for good once an fsync has failed (strace)', { timeout: 60_000 }, async () => {
    const path = newStorePath();
    await openHere(path).then(({ close }) => close());
    const options = ['-f', '-qq', '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=12+', '-e', 'signal=none'];
    const args = [...options, '-o', '/dev/null', process.execPath, WRITER, path, '0', '1000', '2'];
    const run = spawnSync('strace', args, { encoding: 'utf8' });
    const lines = run.stdout.split('\n').slice(0, -1);
    expect(lines.slice(-2)).toEqual(['failure DependencyError', 'rejected DependencyError']);
    expect(run.status).toBe(3);
    const { operations, close } = await openHere(path);
    expect(await findForgotten(operations, lines)).toEqual([]);
    await expectSoundChain(operations);
    close();
  });
});

/** How many writes were acknowledged in a trace, and which of them without an fsync that succeeded since the one before. */
function countSyncs(trace: string): { acknowledged: number; unsynced: readonly string[] } {
  const unsynced: string[] = [];
  let acknowledged = 0;
  let synced = 0;
  for (const line of trace.split('\n')) {
    if (/(?:fsync|fdatasync)(?:\(| resumed).*= 0$/.test(line)) synced += 1;
    const said = /write\(1, "(?<word>enrolled|taken|reserved|issued|appended) /.exec(line);
    if (said === null) continue;
    acknowledged += 1;
    if (synced === 0) unsynced.push(line);
    synced = 0;
  }
  return { acknowledged, unsynced };
}
