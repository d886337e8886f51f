import { setImmediate } from 'node:timers/promises';

import type { AuditRecord } from '#core/audit-record.ts';
import { AuditExporter, type AuditExporterDeps } from '#services/audit-export/audit-exporter.ts';
import type { Delivery, Destination, FailureKind } from '#services/audit-export/destination.ts';
import { silentLog } from '#test/fakes/silent-log.ts';

import { NOON } from './store-values.ts';

/** A receiver in memory. It keeps what it takes, and answers as `answer` says. */
export interface LabDestination extends Destination {
  readonly records: AuditRecord[];
  /** How many it was given at a time. */
  readonly sizes: number[];
  answer: (records: readonly AuditRecord[], stop: AbortSignal) => Delivery | Promise<Delivery>;
}

export function labDestination(name = 'siem'): LabDestination {
  const destination: LabDestination = {
    name,
    kind: 'https',
    place: 'siem.lab.example:443',
    records: [],
    sizes: [],
    answer: ({ length }) => ({ ok: true, records: length }),
    deliver: async (records, stop) => {
      destination.sizes.push(records.length);
      const delivery = await destination.answer(records, stop);
      if (delivery.ok) destination.records.push(...records.slice(0, delivery.records));
      return delivery;
    },
    [Symbol.dispose]: () => undefined,
  };
  return destination;
}

/** An exporter whose waits are over in the next turn of the event loop, and written down. */
export interface LabExporter extends AsyncDisposable {
  readonly exporter: AuditExporter;
  /** Milliseconds that it meant to wait. */
  readonly waits: number[];
  readonly failures: FailureKind[];
  readonly delivered: () => number;
  readonly stop: () => Promise<void>;
}

export function startLabExporter(
  deps: Pick<AuditExporterDeps, 'destination' | 'store'> & Partial<AuditExporterDeps>,
): LabExporter {
  const waits: number[] = [];
  const failures: FailureKind[] = [];
  const ending = new AbortController();
  let delivered = 0;
  const exporter = new AuditExporter({
    now: () => NOON,
    random: (length) => new Uint8Array(length).fill(0xff),
    pause: async (ms) => {
      waits.push(ms);
      await setImmediate();
    },
    log: silentLog,
    onDelivered: (records) => {
      delivered += records;
    },
    onFailure: (kind) => failures.push(kind),
    ...deps,
  });
  const running = exporter.run(ending.signal);
  const stop = async (): Promise<void> => {
    ending.abort();
    await running;
  };
  return { exporter, waits, failures, delivered: () => delivered, stop, [Symbol.asyncDispose]: stop };
}

const PATIENCE_MS = 15_000;

/** Resolves when `condition` holds; the event loop turns meanwhile. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('it did not come to that');
    await setImmediate();
  }
}
