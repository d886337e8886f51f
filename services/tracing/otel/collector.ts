import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';

import type { TracingOptions } from '../tracing-options.ts';
import type { Exporter } from './span-queue.ts';

/** One batch under way, and those that a service which stops still has. */
const REQUESTS_MAX = 16;
const FAULT_MAX = 200;

/** The collector at `endpoint`. It is spoken to by TLS 1.3 and known by `ca` alone, or by plain HTTP on this host. */
export function openCollector(
  { endpoint, ca, headers }: Pick<TracingOptions, 'endpoint' | 'ca' | 'headers'>,
  patienceMs: number,
): Exporter {
  return new OTLPTraceExporter({
    url: endpoint.href,
    headers: async () => ({ ...(await headers()) }),
    timeoutMillis: patienceMs,
    concurrencyLimit: REQUESTS_MAX,
    httpAgentOptions: {
      keepAlive: true,
      // Said here because the environment can turn verification off where nothing is said.
      ...(ca === undefined ? {} : { ca, minVersion: 'TLSv1.3', rejectUnauthorized: true }),
    },
  });
}

/** Says in the log when the collector ceases to take spans, and when it takes them again. */
export function deliveryReporter(log: TracingOptions['log']): (fault: string | undefined) => void {
  let isFaulty = false;
  return (fault) => {
    if (fault === undefined && isFaulty) log.info({}, 'the collector takes traces again');
    if (fault !== undefined && !isFaulty)
      log.warn({ fault: fault.slice(0, FAULT_MAX) }, 'the collector takes no traces');
    isFaulty = fault !== undefined;
  };
}
