import { describe, expect, test } from 'vitest';

import { verifyAuditChain } from '#core/audit-chain.ts';
import { DependencyError } from '#core/dependency-error.ts';
import { LOOK_EVERY_MS, RECORDS_MAX } from '#services/audit-export/audit-exporter.ts';
import type { Delivery } from '#services/audit-export/destination.ts';
import { exportStandings } from '#services/audit-export/export-standing.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import { labDestination, startLabExporter, until } from '#test/lab/audit-export-lab.ts';
import { appendMany } from '#test/lab/audit-records.ts';
import { afterNoon, labEvent, NOON } from '#test/lab/store-values.ts';

const REFUSED: Delivery = { ok: false, kind: 'refused', detail: 'HTTP status 403' };
const AWAY: Delivery = { ok: false, kind: 'unreachable', detail: 'connect ECONNREFUSED' };

/** A log that keeps its lines. */
function keptLog() {
  const lines: [level: string, message: string][] = [];
  const keep = (level: string) => (_facts: object, message: string) => void lines.push([level, message]);
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error') };
}

describe('an exporter of the audit log', () => {
  test('delivers what is there and what comes, in order, and remembers how far', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    await appendMany(store, 3);
    await using lab = startLabExporter({ destination, store });
    await until(() => destination.records.length === 3);
    await appendMany(store, 2);
    await until(() => lab.delivered() === 5);
    expect(destination.records.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
    const head = await store.auditHead();
    expect(await store.findExportCursor('siem')).toEqual({ destination: 'siem', ...head, movedAt: NOON });
    expect(lab.waits.every((ms) => ms === LOOK_EVERY_MS)).toBe(true);
  });

  test('goes on where the one before it stopped', async () => {
    await using store = memoryStore();
    await appendMany(store, 3);
    const before = labDestination();
    const first = startLabExporter({ destination: before, store });
    await until(() => first.delivered() === 3);
    await first.stop();
    await appendMany(store, 2);
    const after = labDestination();
    await using second = startLabExporter({ destination: after, store });
    await until(() => second.delivered() === 2);
    expect(after.records.map(({ sequence }) => sequence)).toEqual([4, 5]);
  });

  test('has every record for a receiver that was dead for ten thousand of them, in order, once it is back', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = () => AWAY;
    await using lab = startLabExporter({ destination, store });
    const appended = await appendMany(store, 10_000);
    await until(() => lab.failures.length > 5);
    destination.answer = ({ length }) => ({ ok: true, records: length });
    await until(() => lab.delivered() === 10_000);
    expect(destination.records.map(({ hash }) => hash)).toEqual(
      appended.toSorted((a, b) => a.sequence - b.sequence).map(({ hash }) => hash),
    );
    expect(verifyAuditChain(destination.records, { stored: await store.auditHead() })).toMatchObject({ ok: true });
    expect(Math.max(...destination.sizes)).toBe(RECORDS_MAX);
  });

  test('keeps nobody waiting who appends while a receiver takes its time, and holds one delivery at most', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    const { promise: taken, resolve: take } = Promise.withResolvers<Delivery>();
    destination.answer = () => taken;
    await appendMany(store, 1);
    await using lab = startLabExporter({ destination, store });
    await until(() => destination.sizes.length === 1);
    // Not one of these could end if it waited for the receiver, which answers only when they have.
    await appendMany(store, 2_000);
    expect(destination.sizes).toEqual([1]);
    expect(destination.records).toEqual([]);
    take({ ok: true, records: 1 });
    destination.answer = ({ length }) => ({ ok: true, records: length });
    await until(() => lab.delivered() === 2_001);
  });

  test('goes on behind what a receiver took of a delivery', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = () => ({ ok: true, records: 2 });
    await appendMany(store, 6);
    await using lab = startLabExporter({ destination, store });
    await until(() => lab.delivered() === 6);
    expect(destination.records.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('never passes over a record that is refused, waits longer each time, and tries with fewer', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = () => REFUSED;
    await appendMany(store, 600);
    await using lab = startLabExporter({ destination, store });
    await until(() => lab.failures.length === 12);
    // The random source gives the largest number there is: no wait is shortened.
    expect(lab.waits.slice(0, 9)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(destination.sizes.slice(0, 11)).toEqual([500, 250, 125, 62, 31, 15, 7, 3, 1, 1, 1]);
    expect(await store.findExportCursor('siem')).toBeUndefined();
    destination.answer = ({ length }) => ({ ok: true, records: length });
    await until(() => lab.delivered() === 600);
    expect(destination.records).toHaveLength(600);
  });

  test.each([
    ['less than it would wait anyway', 10, 1_000],
    ['more', 90_000, 90_000],
    ['more than an hour', 86_400_000, 3_600_000],
  ])('waits as long as a receiver asks for, which is %s', async (_, retryAfterMs, waited) => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = () => ({ ok: false, kind: 'busy', detail: 'HTTP status 429', retryAfterMs });
    await appendMany(store, 1);
    await using lab = startLabExporter({ destination, store });
    await until(() => lab.waits.length === 1);
    expect(lab.waits).toEqual([waited]);
  });

  test('waits between half of its time and all of it, by chance', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = () => AWAY;
    await appendMany(store, 1);
    await using lab = startLabExporter({ destination, store, random: (length) => new Uint8Array(length) });
    await until(() => lab.waits.length === 3);
    expect(lab.waits.slice(0, 3)).toEqual([500, 1_000, 2_000]);
  });

  test('delivers again what was delivered when the cursor did not move, and loses nothing', async () => {
    let fails = 2;
    await using store = memoryStore((real) => ({
      moveExportCursor: (...move) => {
        fails -= 1;
        return fails >= 0 ? Promise.reject(new DependencyError('store', 'away')) : real.moveExportCursor(...move);
      },
    }));
    const destination = labDestination();
    await appendMany(store, 2);
    await using lab = startLabExporter({ destination, store });
    await until(() => lab.delivered() === 2);
    expect(destination.records.map(({ sequence }) => sequence)).toEqual([1, 2, 1, 2, 1, 2]);
  });

  test('and a second one at the same time deliver twice at most, and leave out nothing', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    await using one = startLabExporter({ destination, store });
    await using other = startLabExporter({ destination, store });
    for (let round = 0; round < 20; round += 1) await appendMany(store, 30);
    await until(() => one.delivered() + other.delivered() === 600);
    expect(new Set(destination.records.map(({ sequence }) => sequence)).size).toBe(600);
    expect(await store.findExportCursor('siem')).toMatchObject({ sequence: 600 });
  });

  test('outlives a store that is away', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    await appendMany(store, 2);
    store.unavailable = true;
    await using lab = startLabExporter({ destination, store });
    await until(() => lab.waits.length > 3);
    expect(destination.sizes).toEqual([]);
    store.unavailable = false;
    await until(() => lab.delivered() === 2);
  });

  test('outlives a destination that throws', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = () => Promise.reject(new Error('a bug'));
    await appendMany(store, 2);
    await using lab = startLabExporter({ destination, store });
    await until(() => lab.failures.length === 2);
    expect(lab.failures).toEqual(['fault', 'fault']);
    destination.answer = ({ length }) => ({ ok: true, records: length });
    await until(() => lab.delivered() === 2);
  });

  test('stops while a receiver takes its time', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = (_, stop) =>
      new Promise((resolve) => stop.addEventListener('abort', () => resolve({ ...AWAY, detail: 'stopped' })));
    await appendMany(store, 1);
    const lab = startLabExporter({ destination, store });
    await until(() => destination.sizes.length === 1);
    await lab.stop();
    expect(lab.failures).toEqual([]);
    expect(lab.exporter.state()).toEqual({ kind: 'standby' });
  });
});

describe('what an exporter says', () => {
  test('is once why it cannot deliver, once when the reason is another, and once that it does again', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    const log = keptLog();
    destination.answer = () => AWAY;
    await appendMany(store, 1);
    await using lab = startLabExporter({ destination, store, log });
    await until(() => lab.failures.length > 3);
    destination.answer = () => REFUSED;
    await until(() => lab.failures.at(-1) === 'refused');
    await until(() => lab.failures.filter((kind) => kind === 'refused').length > 3);
    expect(lab.exporter.state()).toMatchObject({ kind: 'failing', failure: { kind: 'refused' }, since: NOON });
    destination.answer = ({ length }) => ({ ok: true, records: length });
    await until(() => lab.exporter.state().kind === 'delivering');
    expect(log.lines).toEqual([
      ['warn', 'audit records cannot be delivered now; they wait, and are tried again'],
      ['error', 'audit records are not taken; they wait, and are tried again'],
      ['info', 'audit records are delivered again'],
    ]);
  });

  test('is said again every ten minutes while it lasts', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    const log = keptLog();
    destination.answer = () => REFUSED;
    let minutes = 0;
    await appendMany(store, 1);
    await using lab = startLabExporter({ destination, store, log, now: () => afterNoon(minutes++ * 60) });
    await until(() => lab.failures.length > 31);
    expect(log.lines.length).toBeGreaterThanOrEqual(3);
    expect(log.lines.length).toBeLessThanOrEqual(5);
  });

  test('names a log that does not continue what was delivered of it, and delivers it', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    const log = keptLog();
    await appendMany(store, 3);
    await store.moveExportCursor('siem', 0, { sequence: 2, hash: 'f'.repeat(64) }, NOON);
    await using lab = startLabExporter({ destination, store, log });
    await until(() => lab.delivered() === 1);
    expect(lab.exporter.chainBreak()).toBe(3);
    expect(log.lines[0]).toEqual(['error', 'the audit log does not continue what was delivered of it']);
    expect(destination.records.map(({ sequence }) => sequence)).toEqual([3]);
  });
});

describe('the standing of a destination', () => {
  test('is how many records wait, and for how long the first of them has', async () => {
    await using store = memoryStore();
    const destination = labDestination();
    destination.answer = () => ({ ok: true, records: 1 });
    for (const seconds of [0, 10, 20]) await store.appendAudit(labEvent({ at: afterNoon(seconds) }));
    const lab = startLabExporter({ destination, store });
    await until(() => lab.delivered() === 1);
    await lab.stop();
    await store.appendAudit(labEvent({ at: afterNoon(30) }));
    const { sequence } = (await store.findExportCursor('siem')) ?? { sequence: 0 };
    const [standing] = await exportStandings({ exporters: [lab.exporter], store, now: () => afterNoon(100) });
    expect(standing).toEqual({
      destination,
      sequence,
      movedAt: NOON,
      lagRecords: 4 - sequence,
      lagSeconds: 100 - sequence * 10,
      state: { kind: 'standby' },
      chainBreak: undefined,
    });
  });

  test('is the whole log where nothing was delivered, and nothing where the log is empty', async () => {
    await using store = memoryStore();
    const destination = labDestination('new');
    const { exporter, stop } = startLabExporter({ destination, store: memoryStore() });
    const standing = async () => (await exportStandings({ exporters: [exporter], store, now: () => NOON }))[0];
    expect(await standing()).toMatchObject({ sequence: 0, movedAt: undefined, lagRecords: 0, lagSeconds: 0 });
    await store.appendAudit(labEvent({ at: afterNoon(-60) }));
    expect(await standing()).toMatchObject({ sequence: 0, lagRecords: 1, lagSeconds: 60 });
    await stop();
  });
});
