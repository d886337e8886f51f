import type { RequestId } from '#core/ids.ts';

import type { RequestFacts } from './request-log.ts';

/** What is known of a request when its trace begins. */
export interface TracedRequest {
  readonly requestId: RequestId;
  readonly method: string;
  /** The route's pattern. */
  readonly route: string;
  /** The header, which is the caller's text. */
  readonly traceparent: string | undefined;
}

/** The trace of one request that is recorded. */
export interface RequestTrace {
  /** Of the trace, in hex. It can become the caller's as long as the request is answered. */
  readonly id: string;
  /** Does `work`; what is traced in it lies within the request. */
  readonly during: <T>(work: () => Promise<T>) => Promise<T>;
  /** The request is over. */
  readonly answered: (facts: RequestFacts) => void;
}

/** Begins the trace of a request. Undefined: this one is not recorded. */
export type TraceRequest = (request: TracedRequest) => RequestTrace | undefined;
