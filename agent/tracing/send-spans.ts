import { utf8 } from '#core/bytes.ts';

import { openAgent, postJson } from '../connection.ts';
import { VERSION } from '../version.ts';
import type { EndedSpan } from './join-trace.ts';

/** Where the spans go, and whose certificates are believed there. */
export interface SpanCollector {
  readonly endpoint: URL;
  /** PEM. */
  readonly ca: string;
}

/** A collector that takes longer does not get them. */
const PATIENCE_MS = 2_000;
const ANSWER_MAX_BYTES = 65_536;

/** Sends the spans once. Whether they arrived is nobody's concern: never rejects, and takes two seconds at most. */
export async function sendSpans({ endpoint, ca }: SpanCollector, spans: readonly EndedSpan[]): Promise<void> {
  const agent = openAgent(ca);
  try {
    const body = utf8(JSON.stringify(renderSpans(spans)));
    await postJson(endpoint, body, { agent, timeoutMs: PATIENCE_MS, maxAnswerBytes: ANSWER_MAX_BYTES });
  } catch {
    // The join is what counts, and it is over.
  } finally {
    agent.destroy();
  }
}

const KINDS = { internal: 1, client: 3 } as const;
const STATUS_ERROR = 2;

/** OTLP's ExportTraceServiceRequest in its JSON encoding. */
function renderSpans(spans: readonly EndedSpan[]): object {
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  return {
    resourceSpans: [
      {
        resource: { attributes: [attribute('service.name', 'muster-agent'), attribute('service.version', VERSION)] },
        scopeSpans: [{ scope: { name: 'muster-agent', version: VERSION }, spans: spans.map(renderSpan) }],
      },
    ],
  };
}

const renderSpan = ({ traceId, spanId, parentSpanId, name, kind, fromMs, toMs, failed }: EndedSpan) => ({
  traceId,
  spanId,
  parentSpanId,
  name,
  kind: KINDS[kind],
  startTimeUnixNano: nanoseconds(fromMs),
  endTimeUnixNano: nanoseconds(toMs),
  attributes: [],
  status: failed ? { code: STATUS_ERROR } : {},
});

const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1_000)) * 1_000n);
