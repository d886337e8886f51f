import { AuditExporter } from '#services/audit-export/audit-exporter.ts';
import { type Destination, FAILURE_KINDS } from '#services/audit-export/destination.ts';
import { type ExportStanding, exportStandings } from '#services/audit-export/export-standing.ts';
import { openDestination } from '#services/audit-destinations.ts';
import type { Leadership } from '#services/leader/keep-leadership.ts';
import { keptFor } from '#services/metrics/kept-for.ts';

import type { KeptSignals } from './keep-signals.ts';
import { elapsedMs, pauseUntil } from './monotonic.ts';
import type { ServiceParts } from './service-parts.ts';

/** The audit log on its way out, until it is disposed of. */
export interface KeptAuditExport extends AsyncDisposable {
  readonly standings: () => Promise<readonly ExportStanding[]>;
}

/** How soon a new leader's duty begins again after it ended within its term, which it does only with the service. */
const AGAIN_AFTER_MS = 1_000;
/** Scrapers that come more often get the standing before. */
const STANDING_KEPT_MS = 5_000;

/**
 * Starts to deliver the audit log to every destination of the configuration, while this process leads: where there are several, one delivers.
 * Its term is no fence, and needs to be none: a leader that stands still and wakes too late delivers some records a second time.
 */
export function keepAuditExport(
  { config, store, log, now, random, version }: ServiceParts,
  leadership: Pick<Leadership, 'regularly'>,
  signals: Pick<KeptSignals, 'tellOfAuditExport'>,
): KeptAuditExport {
  const destinations = config.audit.export.map((one) =>
    openDestination(one, { audience: config.audience, version, now }),
  );
  const exporters: AuditExporter[] = [];
  const standings = () => exportStandings({ exporters, store, now });
  const metrics = signals.tellOfAuditExport({
    destinations: destinations.map(({ name }) => name),
    failureKinds: FAILURE_KINDS,
    lags: keptFor(STANDING_KEPT_MS, elapsedMs, async () => {
      try {
        return (await standings()).map(({ destination, ...lag }) => ({ ...lag, destination: destination.name }));
      } catch (error) {
        log.warn({ err: error }, 'the standing of the audit export is not known for the metrics');
        return [];
      }
    }),
    faults: () => exporters.flatMap(faultOf),
  });
  const stopping = new AbortController();
  const startOne = (destination: Destination): AsyncDisposable => {
    const { name } = destination;
    const exporter = new AuditExporter({
      destination,
      store,
      now,
      random,
      pause: pauseUntil,
      log,
      onDelivered: (records) => metrics.delivered(name, records),
      onFailure: (kind) => metrics.failed(name, kind),
    });
    exporters.push(exporter);
    return leadership.regularly({
      name: `audit export to ${name}`,
      everyMs: AGAIN_AFTER_MS,
      run: ({ ended }) => exporter.run(AbortSignal.any([ended, stopping.signal])),
    });
  };
  const duties = destinations.map(startOne);
  return {
    standings,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await Promise.all(duties.map((duty) => duty[Symbol.asyncDispose]()));
      for (const destination of destinations) destination[Symbol.dispose]();
    },
  };
}

/** What is not as it should be with a destination, for people. */
function faultOf(exporter: AuditExporter): readonly string[] {
  const { name } = exporter.destination;
  const state = exporter.state();
  const broken = exporter.chainBreak();
  return [
    ...(state.kind === 'failing'
      ? [`${name} has not been delivered to since ${state.since.toISOString()}: ${state.failure.detail}`]
      : []),
    ...(broken === undefined ? [] : [`record ${broken} does not continue what was delivered to ${name} before it`]),
  ];
}
