/** A span of somebody else's: what a `traceparent` header names. */
export interface RemoteSpan {
  /** 32 digits of lower-case hex, not all 0. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
}

// W3C Trace Context §3.2, version 00. The flags are read and mean nothing: the caller does not decide what is recorded.
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;
const LENGTH = 55;

/** What the header names. Undefined: there is none, it is malformed, or of another version. Nobody has verified anything of it. */
export function parseTraceparent(header: string | undefined): RemoteSpan | undefined {
  if (header?.length !== LENGTH) return undefined;
  const [, traceId, spanId] = TRACEPARENT.exec(header) ?? [];
  return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId };
}
