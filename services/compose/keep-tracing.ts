import { toHex } from '#core/bytes.ts';
import type { TraceRequest } from '#services/http/request-trace.ts';
import { openTracing } from '#services/tracing/open-tracing.ts';
import type { Tracing } from '#services/tracing/tracing.ts';

import type { KeptSignals } from './keep-signals.ts';
import type { ServiceParts } from './service-parts.ts';

/** The routes whose requests have a trace. */
const TRACED_ROUTES: ReadonlySet<string> = new Set(['/v1/challenges', '/v1/joins']);

/** Tracing as the configuration has it, told of by `signals`. Undefined: there is none, and its libraries are not loaded. */
export async function keepTracing(
  { config, material, version, random, log }: ServiceParts,
  signals: Pick<KeptSignals, 'tellOfTraces'>,
): Promise<Tracing | undefined> {
  const { tracing: asked } = config;
  const { collector } = material;
  if (asked === undefined || collector === undefined) return undefined;
  const { sampleRatio } = asked;
  const instanceId = toHex(random(16));
  const endpoint = new URL(asked.endpoint);
  const tracing = await openTracing({ ...collector, endpoint, sampleRatio, version, instanceId, random, log });
  signals.tellOfTraces(tracing);
  return { ...tracing, traceRequest: joinsAlone(tracing.traceRequest) };
}

const joinsAlone =
  (traceRequest: TraceRequest): TraceRequest =>
  (request) =>
    TRACED_ROUTES.has(request.route) ? traceRequest(request) : undefined;
