import { AUDIT_START } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { Store } from '#services/store/store.ts';

import type { AuditExporter, ExporterState } from './audit-exporter.ts';
import type { Destination } from './destination.ts';

/** How far the log was delivered to one destination, by the store's word, which is the same in every process. */
export interface ExportStanding {
  readonly destination: Pick<Destination, 'name' | 'kind' | 'place'>;
  /** The last record that is known to have arrived; sequence 0: none. */
  readonly sequence: number;
  /** When that became known. */
  readonly movedAt: Date | undefined;
  /** Records that are not. */
  readonly lagRecords: number;
  /** How long ago the first of these was written; 0 where there is none. */
  readonly lagSeconds: number;
  /** What this process last found of it. */
  readonly state: ExporterState;
  readonly chainBreak: number | undefined;
}

export interface ExportStandingDeps {
  readonly exporters: readonly Pick<AuditExporter, 'destination' | 'state' | 'chainBreak'>[];
  readonly store: Pick<Store, 'auditHead' | 'findExportCursor' | 'readAudit'>;
  readonly now: Clock;
}

/** Every destination's standing, in the configuration's order. */
export async function exportStandings({
  exporters,
  store,
  now,
}: ExportStandingDeps): Promise<readonly ExportStanding[]> {
  return Promise.all(
    exporters.map(async (exporter) => {
      // The cursor before the head: it is never ahead of one that is read later.
      const cursor = await store.findExportCursor(exporter.destination.name);
      const { sequence } = cursor ?? AUDIT_START;
      const [head, [next]] = await Promise.all([store.auditHead(), store.readAudit(sequence, 1)]);
      const ageMs = next === undefined ? 0 : now().getTime() - next.at.getTime();
      return {
        destination: exporter.destination,
        sequence,
        movedAt: cursor?.movedAt,
        lagRecords: Math.max(0, head.sequence - sequence),
        lagSeconds: Math.max(0, ageMs) / 1_000,
        state: exporter.state(),
        chainBreak: exporter.chainBreak(),
      };
    }),
  );
}
