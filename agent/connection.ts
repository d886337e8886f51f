import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { type Bytes, concatBytes } from '#core/bytes.ts';

/** An answer as it came: not parsed, not believed. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Bytes;
}

/** The answer is longer than any the protocol has. */
export class AnswerTooLongError extends Error {
  constructor(maxBytes: number) {
    super(`the answer has more than ${maxBytes} bytes`);
    this.name = 'AnswerTooLongError';
  }
}

/** One request, from connecting to the last byte of its answer, took too long. */
export class RequestTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`no complete answer within ${timeoutMs} ms`);
    this.name = 'RequestTimeoutError';
  }
}

const MAX_HEADER_BYTES = 8_192;

/** A certificate chain and its key, both PEM, to show to a server that asks for them. */
export interface ClientIdentity {
  readonly chainPem: string;
  readonly keyPem: string;
}

/**
 * An HTTP client that trusts the given CAs (PEM) and no other, speaks TLS 1.3, and keeps one connection open. Without an identity it shows no
 * certificate.
 */
export function openAgent(ca: string, identity?: ClientIdentity): Agent {
  return new Agent({
    ca,
    ...(identity === undefined ? {} : { cert: identity.chainPem, key: identity.keyPem }),
    minVersion: 'TLSv1.3',
    // Said here because the environment can turn verification off where nothing is said.
    rejectUnauthorized: true,
    keepAlive: true,
    maxSockets: 1,
    maxCachedSessions: 0,
  });
}

export interface PostOptions {
  readonly agent: Agent;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  /** Aborted: the request is broken off. */
  readonly signal?: AbortSignal | undefined;
  /** Sent as the header of this name. */
  readonly traceparent?: string | undefined;
}

/**
 * The answer to a POST of JSON, read whole. A connection that was kept open and that the server has meanwhile closed is replaced once;
 * the service treats the repeated request as the same one. Redirects are answers like others. Throws what the connection failed with.
 */
export async function postJson(url: URL, body: Bytes, options: PostOptions): Promise<HttpAnswer> {
  try {
    return await postOnce(url, body, options);
  } catch (error) {
    if (!(error instanceof StaleConnection) || options.signal?.aborted === true) throw error;
    return await postOnce(url, body, options);
  }
}

class StaleConnection extends Error {}

function postOnce(url: URL, body: Bytes, options: PostOptions): Promise<HttpAnswer> {
  const { agent, timeoutMs, maxAnswerBytes, signal, traceparent } = options;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'content-length': body.byteLength,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent, headers, maxHeaderSize: MAX_HEADER_BYTES, signal });
    const timer = setTimeout(() => outgoing.destroy(new RequestTimeoutError(timeoutMs)), timeoutMs);
    const settle = (action: () => void): void => {
      clearTimeout(timer);
      action();
    };
    outgoing.once('error', (error) => {
      const stale = outgoing.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      settle(() => reject(stale ? new StaleConnection() : error));
    });
    outgoing.once('response', (incoming) => {
      readAll(incoming, maxAnswerBytes).then(
        (bytes) => settle(() => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: bytes })),
        (error: unknown) => {
          outgoing.destroy();
          settle(() => reject(error));
        },
      );
    });
    outgoing.end(body);
  });
}

async function readAll(incoming: IncomingMessage, maxBytes: number): Promise<Bytes> {
  const chunks: Bytes[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('the answer is not bytes');
    size += chunk.byteLength;
    if (size > maxBytes) throw new AnswerTooLongError(maxBytes);
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}
