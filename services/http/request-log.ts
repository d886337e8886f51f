import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

import type { RequestId } from '#core/ids.ts';
import type { ProblemName } from '#protocol/problem.ts';

/** The operational log: a constant message and facts as fields. Never a body, a header, a ticket or a key. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** JSON lines to `destination`, standard output unless it is given. */
export function createLog(level: 'error' | 'warn' | 'info' | 'debug', destination?: DestinationStream): Log {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** What is logged of one answered request. */
export interface RequestFacts {
  readonly requestId: RequestId;
  /** Undefined: the request's trace is not recorded. */
  readonly traceId?: string | undefined;
  readonly listener: string;
  readonly method: string;
  /** The route's pattern, or undefined where none matched: the path itself is the caller's text. */
  readonly route: string | undefined;
  readonly status: number;
  readonly problem: ProblemName | undefined;
  /** The node that was let in. Of one that was refused the audit log tells, under the request id. */
  readonly node?: string | undefined;
  readonly address: string | undefined;
  readonly caller: string | undefined;
  readonly durationMs: number;
}

/** One line per request, at `info`; at `error` where the service itself failed. To be busy is no failure. */
export function logRequest(log: Log, facts: RequestFacts): void {
  if (facts.status >= 500 && facts.problem !== 'overloaded') log.error(facts, 'request failed');
  else log.info(facts, 'request answered');
}
