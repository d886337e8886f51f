import type { SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

import type { RemoteSpan } from '../traceparent.ts';

/**
 * The ended spans of one request, held until the request is over: only then is it known whose trace they belong to. A request that came from
 * nobody in particular has a trace of its own; one whose caller was found trustworthy lies in its caller's.
 */
export class RequestSpans {
  readonly #send: (span: ReadableSpan) => void;
  readonly #own: SpanContext;
  #held: ReadableSpan[] | undefined = [];
  #parent: RemoteSpan | undefined;

  /** `own` is the request's own span. */
  constructor(own: SpanContext, send: (span: ReadableSpan) => void) {
    this.#own = own;
    this.#send = send;
  }

  get traceId(): string {
    return (this.#parent ?? this.#own).traceId;
  }

  get hasParent(): boolean {
    return this.#parent !== undefined;
  }

  /** From here on all spans lie in the trace of `parent`, those that ended before as well. Nothing changes once the request is over. */
  moveBelow(parent: RemoteSpan): void {
    if (this.#held !== undefined) this.#parent = parent;
  }

  /** One of the request's spans has ended; its own is the last, unless work went on after the answer. */
  ended(span: ReadableSpan): void {
    if (this.#held === undefined) {
      this.#send(this.#placed(span));
      return;
    }
    this.#held.push(span);
    if (span.spanContext().spanId !== this.#own.spanId) return;
    const held = this.#held;
    this.#held = undefined;
    for (const each of held) this.#send(this.#placed(each));
  }

  /** The span where the request's trace is. */
  #placed(span: ReadableSpan): ReadableSpan {
    const parent = this.#parent;
    if (parent === undefined) return span;
    const { traceId } = parent;
    const context = { ...span.spanContext(), traceId };
    const isOwn = context.spanId === this.#own.spanId;
    const above = isOwn ? remoteContext(parent) : span.parentSpanContext;
    const { name, kind, startTime, endTime, status, attributes, links, events, duration, ended } = span;
    const { resource, instrumentationScope, droppedAttributesCount, droppedEventsCount, droppedLinksCount } = span;
    return {
      name,
      kind,
      startTime,
      endTime,
      status,
      attributes,
      links,
      events,
      duration,
      ended,
      resource,
      instrumentationScope,
      droppedAttributesCount,
      droppedEventsCount,
      droppedLinksCount,
      spanContext: () => context,
      ...(above === undefined ? {} : { parentSpanContext: { ...above, traceId } }),
    };
  }
}

const SAMPLED = 1;

/** `remote` as the library writes it down. */
export const remoteContext = ({ traceId, spanId }: RemoteSpan): SpanContext => ({
  traceId,
  spanId,
  traceFlags: SAMPLED,
  isRemote: true,
});
