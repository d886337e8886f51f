import { Counter, Gauge, type Registry } from 'prom-client';

/** How far a destination is behind the audit log. */
export interface ExportLag {
  readonly destination: string;
  readonly lagRecords: number;
  readonly lagSeconds: number;
}

export interface ExportMetricsOptions {
  readonly destinations: readonly string[];
  /** Every reason that a delivery can fail for. */
  readonly failureKinds: readonly string[];
  /** Empty where the store does not say. */
  readonly lags: () => Promise<readonly ExportLag[]>;
}

/** What this process delivers, to be counted. */
export interface ExportMetrics {
  readonly delivered: (destination: string, records: number) => void;
  readonly failed: (destination: string, kind: string) => void;
}

/** Counts what this process delivers, and tells how far each destination is behind, which every process tells alike. */
export function exportMetrics(
  registry: Registry,
  { destinations, failureKinds, lags }: ExportMetricsOptions,
): ExportMetrics {
  const registers = [registry];
  const records = new Counter({
    name: 'muster_audit_export_records_total',
    help: 'Audit records that this process delivered.',
    labelNames: ['destination'],
    registers,
  });
  const failures = new Counter({
    name: 'muster_audit_export_failures_total',
    help: 'Deliveries of audit records that failed, by why.',
    labelNames: ['destination', 'failure'],
    registers,
  });
  for (const destination of destinations) {
    records.inc({ destination }, 0);
    for (const failure of failureKinds) failures.inc({ destination, failure }, 0);
  }
  const lag = (name: string, help: string, read: (lag: ExportLag) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['destination'],
      registers,
      async collect() {
        const known = await lags();
        this.reset();
        for (const one of known) this.set({ destination: one.destination }, read(one));
      },
    });
  };
  lag('muster_audit_export_lag_records', 'Audit records that wait.', ({ lagRecords }) => lagRecords);
  lag('muster_audit_export_lag_seconds', 'Since the first one that waits was written.', ({ lagSeconds }) => lagSeconds);
  return {
    delivered: (destination, count) => records.inc({ destination }, count),
    failed: (destination, failure) => failures.inc({ destination, failure }),
  };
}
