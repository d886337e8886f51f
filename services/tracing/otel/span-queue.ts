import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';

import type { Delivery } from '../tracing-options.ts';
import type { SpanCounts } from '../tracing.ts';

/** The collector's part: takes a batch, and says whether it did. */
export type Exporter = Pick<SpanExporter, 'export' | 'shutdown'>;

const SUCCESS = 0;

/**
 * Ended spans that wait to be sent: never more than `delivery.waiting`, and whoever adds one neither waits nor hears of a failure. What is
 * dropped is counted.
 */
export class SpanQueue {
  readonly #batches: BatchSpanProcessor;
  readonly #capacity: number;
  #waiting = 0;
  #exported = 0;
  #crowdedOut = 0;
  #refused = 0;

  /** `onDelivery` is told after each batch: why the collector did not take it, or undefined. */
  constructor(exporter: Exporter, delivery: Delivery, onDelivery: (fault: string | undefined) => void) {
    this.#capacity = delivery.waiting;
    this.#batches = new BatchSpanProcessor({
      exporter: {
        export: (spans, done) => {
          // They have left the queue: its own bound is never the one that is met.
          this.#waiting -= spans.length;
          exporter.export(spans, (result) => {
            const isTaken = result.code === SUCCESS;
            if (isTaken) this.#exported += spans.length;
            else this.#refused += spans.length;
            onDelivery(isTaken ? undefined : (result.error?.message ?? 'not taken'));
            done(result);
          });
        },
        shutdown: () => exporter.shutdown(),
      },
      maxQueueSize: delivery.waiting,
      maxExportBatchSize: delivery.batch,
      scheduledDelayMillis: delivery.everyMs,
      exportTimeoutMillis: delivery.patienceMs * 2,
    });
  }

  get counts(): SpanCounts {
    return { exported: this.#exported, crowdedOut: this.#crowdedOut, refused: this.#refused };
  }

  add(span: ReadableSpan): void {
    if (this.#waiting >= this.#capacity) {
      this.#crowdedOut += 1;
      return;
    }
    this.#waiting += 1;
    this.#batches.onEnd(span);
  }

  /** Sends what waits, and takes no more. Rejects where the collector does not take it. */
  async end(): Promise<void> {
    await this.#batches.shutdown();
  }
}
