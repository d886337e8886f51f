import type { TraceRequest } from '#services/http/request-trace.ts';

/** The parts of a request that have a span of their own. */
export const SPAN_NAMES = [
  'wait for a place',
  'find node',
  'take ticket',
  'verify evidence',
  'appraise',
  'call back',
  'reserve serial',
  'sign certificate',
  'ask signer',
  'record issued',
  'append audit record',
] as const;
export type SpanName = (typeof SPAN_NAMES)[number];

/** All that a span may say besides its name and its times. Nothing that a caller wrote, no evidence and no secret has a place here. */
export interface SpanFacts {
  readonly 'db.system.name'?: 'sqlite' | 'postgresql';
  readonly 'muster.signer'?: 'file' | 'vault' | 'pkcs11';
  readonly 'muster.outcome'?: string;
  /** Codes of the Verifier's own. */
  readonly 'muster.denials'?: readonly string[];
}

/**
 * Does `work` as a part of the request under way, and gives what it gives or throws what it throws; `learned` says what the span tells of a
 * result. Where no recorded request is under way it is `work` alone.
 */
export type Traced = <T>(
  name: SpanName,
  facts: SpanFacts,
  work: () => T,
  learned?: (result: Awaited<T>) => SpanFacts,
) => T;

/** What became of spans. */
export interface SpanCounts {
  /** The collector took them. */
  readonly exported: number;
  /** More ended than can wait to be sent. */
  readonly crowdedOut: number;
  /** The collector did not take them. */
  readonly refused: number;
}

/** Traces of requests, on their way to a collector until it is disposed of. */
export interface Tracing extends AsyncDisposable {
  readonly traceRequest: TraceRequest;
  readonly traced: Traced;
  /**
   * The request under way is from a node that may be believed: what the request's `traceparent` names becomes the parent of its spans. Whether
   * they are recorded was decided before, and not by the caller.
   */
  readonly trustCaller: () => void;
  readonly counts: () => SpanCounts;
}
