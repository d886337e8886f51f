import { Counter, type Registry } from 'prom-client';

/** Spans since the service was started, by what became of them. */
export interface SpanCounts {
  readonly exported: number;
  readonly crowdedOut: number;
  readonly refused: number;
}

/** Tells what became of spans, read when `registry` is asked. */
export function traceMetrics(registry: Registry, counts: () => SpanCounts): void {
  new Counter({
    name: 'muster_trace_spans_total',
    help: 'Spans of recorded requests, by what became of them.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      const { exported, crowdedOut, refused } = counts();
      this.reset();
      this.inc({ outcome: 'exported' }, exported);
      this.inc({ outcome: 'queue-full' }, crowdedOut);
      this.inc({ outcome: 'not-taken' }, refused);
    },
  });
}
