import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as pause } from 'node:timers/promises';

import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  ParentBasedSampler,
  type ReadableSpan,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

import { toHex } from '#core/bytes.ts';
import type { RequestFacts } from '#services/http/request-log.ts';
import type { RequestTrace, TracedRequest } from '#services/http/request-trace.ts';

import { parseTraceparent, type RemoteSpan } from '../traceparent.ts';
import { DELIVERY, type TracingOptions } from '../tracing-options.ts';
import type { SpanFacts, Traced, Tracing } from '../tracing.ts';
import { deliveryReporter, openCollector } from './collector.ts';
import { remoteContext, RequestSpans } from './request-spans.ts';
import { SpanQueue } from './span-queue.ts';

/** Where in which request the work is that runs now. */
interface Place {
  readonly context: Context;
  readonly request: RecordedRequest;
}

interface RecordedRequest {
  readonly spans: RequestSpans;
  readonly remote: RemoteSpan | undefined;
}

const ERROR_NAME_MAX = 64;

/** Traces with OpenTelemetry's SDK. Nothing of it is global, and no library is instrumented: spans are where `traced` is. */
export function startTracing(options: TracingOptions): Tracing {
  const { random, sampleRatio, version, instanceId } = options;
  const delivery = { ...DELIVERY, ...options.delivery };
  const queue = new SpanQueue(openCollector(options, delivery.patienceMs), delivery, deliveryReporter(options.log));
  const requestOf = new WeakMap<object, RequestSpans>();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'muster',
      'service.version': version,
      'service.instance.id': instanceId,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    idGenerator: { generateTraceId: () => toHex(random(16)), generateSpanId: () => toHex(random(8)) },
    spanProcessors: [handTo((span) => requestOf.get(span)?.ended(span))],
  });
  const tracer = provider.getTracer('muster', version);
  const places = new AsyncLocalStorage<Place>();

  const traceRequest = ({ method, route, requestId, traceparent }: TracedRequest): RequestTrace | undefined => {
    const attributes = { 'http.request.method': method, 'http.route': route, 'muster.request_id': requestId };
    const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, ROOT_CONTEXT);
    if (!span.isRecording()) return undefined;
    const spans = new RequestSpans(span.spanContext(), (ended) => queue.add(ended));
    const remote = parseTraceparent(traceparent);
    requestOf.set(span, spans);
    const place = { context: trace.setSpan(ROOT_CONTEXT, span), request: { spans, remote } };
    return {
      get id() {
        return spans.traceId;
      },
      during: (work) => places.run(place, work),
      answered: (facts) => {
        describeAnswer(span, facts);
        // Of a caller who was not found trustworthy it is known only that this is what it sent.
        if (remote !== undefined && !spans.hasParent) span.addLink({ context: remoteContext(remote) });
        span.end();
      },
    };
  };

  const traced: Traced = (name, facts, work, learned) => {
    const place = places.getStore();
    if (place === undefined) return work();
    const span = tracer.startSpan(name, { attributes: attributesOf(facts) }, place.context);
    requestOf.set(span, place.request.spans);
    const inner = { ...place, context: trace.setSpan(place.context, span) };
    return endWith(span, () => places.run(inner, work), learned);
  };

  return {
    traceRequest,
    traced,
    trustCaller: () => {
      const { remote, spans } = places.getStore()?.request ?? {};
      if (remote !== undefined) spans?.moveBelow(remote);
    },
    counts: () => queue.counts,
    [Symbol.asyncDispose]: async () => {
      const over = pause(delivery.lastMs, undefined, { ref: false });
      await Promise.race([queue.end().catch(() => undefined), over]);
    },
  };
}

/** What `work` gives; the span ends when that is there, or when its promise settles. */
function endWith<T>(span: Span, work: () => T, learned: ((result: Awaited<T>) => SpanFacts) | undefined): T {
  const succeeded = (result: Awaited<T>): void => {
    if (learned !== undefined) span.setAttributes(attributesOf(learned(result)));
    span.end();
  };
  const failed = (error: unknown): void => {
    // A message may hold what no trace should.
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.setAttribute('error.type', error instanceof Error ? error.name.slice(0, ERROR_NAME_MAX) : 'unknown');
    span.end();
  };
  let result: T;
  try {
    result = work();
  } catch (error) {
    failed(error);
    throw error;
  }
  // Nothing that goes wrong here is the request's concern.
  Promise.resolve(result)
    .then(succeeded, failed)
    .catch(() => span.end());
  return result;
}

/** A processor that hands each ended span to `take`. */
function handTo(take: (span: ReadableSpan) => void): SpanProcessor {
  const done = (): Promise<void> => Promise.resolve();
  return { onStart: () => undefined, onEnd: take, forceFlush: done, shutdown: done };
}

function describeAnswer(span: Span, { status, problem, node }: RequestFacts): void {
  span.setAttribute('http.response.status_code', status);
  if (problem !== undefined) span.setAttribute('muster.problem', problem);
  if (node !== undefined) span.setAttribute('muster.node', node);
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Undefined members are none, and lists are copied: the library keeps what it is given. */
function attributesOf(facts: SpanFacts): Record<string, string | string[]> {
  const attributes: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(facts)) attributes[name] = typeof value === 'string' ? value : [...value];
  return attributes;
}
