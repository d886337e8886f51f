import { type Agent, request } from 'node:https';

import type { Clock } from '#core/clock.ts';

import type { CliContext } from './context.ts';
import { connectionFailure, problemFailure } from './service-failure.ts';

/** Nothing for this long, not even a comment, means that the connection is dead. */
const SILENCE_MS = 45_000;

/** An answer without an end, or of any length: text as it comes. */
export interface StreamRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Gets each piece, in order. What it throws ends the stream. */
  readonly onText: (text: string) => void;
}

/**
 * Reads a stream to its end. Resolves when the service ended it or `signal` aborted. Rejects with CommandFailure when the service refuses, or
 * the connection broke before the end.
 */
export function readStream(
  { agent, context, now }: { readonly agent: Agent; readonly context: CliContext; readonly now: Clock },
  { path, headers = {}, signal, onText }: StreamRequest,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (cause: Error): void => {
    if (signal?.aborted === true) resolve();
    else reject(connectionFailure(cause, context, now()));
  };
  const options = { agent, headers, timeout: SILENCE_MS, ...(signal === undefined ? {} : { signal }) };
  const outgoing = request(new URL(path, context.url), options, (incoming) => {
    const status = incoming.statusCode ?? 0;
    incoming.setEncoding('utf8');
    let problem = '';
    incoming.on('data', (text: string) => {
      if (status !== 200) problem = (problem + text).slice(0, 65_536);
      else
        try {
          onText(text);
        } catch (error) {
          incoming.destroy(error instanceof Error ? error : new Error('not an answer of this API'));
        }
    });
    incoming.once('error', fail);
    incoming.once('end', () => {
      if (status === 200) resolve();
      else reject(problemFailure({ status, body: problem }, context));
    });
  });
  outgoing.once('timeout', () => {
    outgoing.destroy(new Error(`nothing came for ${SILENCE_MS / 1_000} s`));
  });
  outgoing.once('error', fail);
  outgoing.end();
  return promise;
}
