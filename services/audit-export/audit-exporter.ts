import { AUDIT_START, type AuditHead, type AuditRecord } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';
import type { Store } from '#services/store/store.ts';

import { type Delivery, type DeliveryFailure, describe, type Destination, type FailureKind } from './destination.ts';
import { RetryPace } from './retry-pace.ts';

/** What this process last found of a destination. `standby`: another process delivers, or nothing was tried yet. */
export type ExporterState =
  | { readonly kind: 'standby' }
  | { readonly kind: 'delivering' }
  | { readonly kind: 'failing'; readonly failure: DeliveryFailure; readonly since: Date };

export interface AuditExporterDeps {
  readonly destination: Destination;
  readonly store: Pick<Store, 'readAudit' | 'findExportCursor' | 'moveExportCursor' | 'failure'>;
  readonly now: Clock;
  readonly random: RandomSource;
  readonly pause: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly log: {
    info(facts: object, message: string): void;
    warn(facts: object, message: string): void;
    error(facts: object, message: string): void;
  };
  readonly onDelivered: (records: number) => void;
  readonly onFailure: (kind: FailureKind) => void;
}

/** Between two looks for new records, where all were delivered. */
export const LOOK_EVERY_MS = 1_000;
/** The most that are held in memory, and delivered at a time. */
export const RECORDS_MAX = 500;
/** A failure that goes on is said again this often. */
const SAID_EVERY_MS = 600_000;
/** Nothing gets better by itself. */
const GRAVE: readonly FailureKind[] = ['refused', 'files', 'storage', 'fault'];

/**
 * Delivers the audit log to one destination, in its order. The cursor moves only behind a confirmed delivery: whatever dies, a record is
 * delivered again rather than not at all. It reads what is on record and is asked by nobody: those who append wait for no receiver.
 */
export class AuditExporter {
  readonly #deps: AuditExporterDeps;
  readonly #pace: RetryPace;
  #state: ExporterState = { kind: 'standby' };
  #chainBreak: number | undefined;
  #recordsAtOnce = RECORDS_MAX;
  #saidAtMs = 0;

  constructor(deps: AuditExporterDeps) {
    this.#deps = deps;
    this.#pace = new RetryPace(deps.random);
  }

  get destination(): Pick<Destination, 'name' | 'kind' | 'place'> {
    return this.#deps.destination;
  }

  state(): ExporterState {
    return this.#state;
  }

  /** The first record found that does not continue the one delivered before it: somebody changed the log in between. */
  chainBreak(): number | undefined {
    return this.#chainBreak;
  }

  /** Delivers until `stop` aborts. One at a time. */
  async run(stop: AbortSignal): Promise<void> {
    const { pause } = this.#deps;
    while (!stop.aborted) {
      const waitMs = await this.#round(stop);
      if (waitMs > 0) await pause(waitMs, stop);
    }
    this.#state = { kind: 'standby' };
  }

  /** One delivery, where there is something to deliver. Resolves to how long to wait for the next. */
  async #round(stop: AbortSignal): Promise<number> {
    const { store, log, destination } = this.#deps;
    try {
      const cursor = (await store.findExportCursor(destination.name)) ?? AUDIT_START;
      const records = await store.readAudit(cursor.sequence, this.#recordsAtOnce);
      const [first] = records;
      if (first === undefined) {
        this.#succeed();
        return LOOK_EVERY_MS;
      }
      this.#watchChain(cursor, first);
      const delivery = await this.#deliver(records, stop);
      if (stop.aborted && !delivery.ok) return 0;
      if (!delivery.ok) return this.#fail(delivery, first.sequence);
      await this.#advance(cursor, records, delivery.records);
      return 0;
    } catch (error) {
      // A store in doubt ends the service, and says so itself.
      if (!store.failure.aborted) {
        log.error({ err: error, destination: destination.name }, 'the audit log cannot be read for export');
      }
      return LOOK_EVERY_MS;
    }
  }

  async #deliver(records: readonly AuditRecord[], stop: AbortSignal): Promise<Delivery> {
    try {
      return await this.#deps.destination.deliver(records, stop);
    } catch (error) {
      return { ok: false, kind: 'fault', detail: describe(error) };
    }
  }

  async #advance(cursor: AuditHead, records: readonly AuditRecord[], delivered: number): Promise<void> {
    const { store, destination, now, log, onDelivered } = this.#deps;
    const last = records[delivered - 1];
    if (last === undefined) throw new Error('a delivery of nothing, or of more than there was');
    const { sequence, hash } = last;
    if (await store.moveExportCursor(destination.name, cursor.sequence, { sequence, hash }, now())) {
      onDelivered(delivered);
    } else {
      log.warn({ destination: destination.name }, 'another process delivers the same audit records');
    }
    this.#recordsAtOnce = Math.min(this.#recordsAtOnce * 2, RECORDS_MAX);
    this.#succeed();
  }

  #succeed(): void {
    if (this.#state.kind === 'failing') {
      const { destination, log } = this.#deps;
      log.info({ destination: destination.name }, 'audit records are delivered again');
    }
    this.#pace.reset();
    this.#state = { kind: 'delivering' };
  }

  #fail({ kind, detail, retryAfterMs }: DeliveryFailure, from: number): number {
    const { destination, now, log, onFailure } = this.#deps;
    const before = this.#state.kind === 'failing' ? this.#state : undefined;
    const at = now();
    this.#state = { kind: 'failing', failure: { kind, detail, retryAfterMs }, since: before?.since ?? at };
    onFailure(kind);
    // A receiver that is too slow for so many, or takes no body so large, may take half of it.
    this.#recordsAtOnce = Math.max(1, Math.floor(this.#recordsAtOnce / 2));
    if (before?.failure.detail !== detail || at.getTime() - this.#saidAtMs >= SAID_EVERY_MS) {
      this.#saidAtMs = at.getTime();
      const facts = { destination: destination.name, failure: kind, detail, from };
      if (GRAVE.includes(kind)) log.error(facts, 'audit records are not taken; they wait, and are tried again');
      else log.warn(facts, 'audit records cannot be delivered now; they wait, and are tried again');
    }
    return this.#pace.next(retryAfterMs);
  }

  #watchChain(cursor: AuditHead, first: AuditRecord): void {
    if (first.sequence === cursor.sequence + 1 && first.previousHash === cursor.hash) return;
    if (this.#chainBreak !== undefined) return;
    this.#chainBreak = first.sequence;
    const { destination, log } = this.#deps;
    const facts = { destination: destination.name, sequence: first.sequence };
    // What is there is delivered all the same: the receiver's chain shows the break, and where.
    log.error(facts, 'the audit log does not continue what was delivered of it');
  }
}
