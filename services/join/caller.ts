import type { RequestId } from '#core/ids.ts';
import type { Origin } from '#services/http/origin.ts';

/** Where a request came from, and its name in every log. */
export interface Caller {
  readonly requestId: RequestId;
  /** Undefined where the socket's address is one that no segment can contain. */
  readonly origin: Origin | undefined;
}

/** What the audit log says of an address that is none. */
export const UNRECOGNISED = 'unrecognised';
