import type { RandomSource } from '#core/random.ts';
import type { Log } from '#services/http/request-log.ts';

export interface TracingOptions {
  /** Where the collector takes traces: OTLP over HTTP, in JSON. */
  readonly endpoint: URL;
  /** PEM of the only CAs that the collector's certificate may chain to. Undefined: `endpoint` is plain HTTP. */
  readonly ca: string | undefined;
  /** Sent with each batch. Asked for each: a token may have been replaced. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  /** Part of the requests that are recorded, 0 to 1. */
  readonly sampleRatio: number;
  readonly version: string;
  /** Tells this process from the other replicas. */
  readonly instanceId: string;
  readonly random: RandomSource;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Other than what is deployed, for tests. */
  readonly delivery?: Partial<Delivery> | undefined;
}

/** How spans are sent. */
export interface Delivery {
  /** Spans that wait to be sent. What ends beyond is dropped. */
  readonly waiting: number;
  readonly batch: number;
  /** Between two batches that are not full. */
  readonly everyMs: number;
  /** For one batch, its repetitions included. */
  readonly patienceMs: number;
  /** For what is left when the service stops. */
  readonly lastMs: number;
}

export const DELIVERY: Delivery = { waiting: 4_096, batch: 512, everyMs: 2_000, patienceMs: 5_000, lastMs: 2_000 };
