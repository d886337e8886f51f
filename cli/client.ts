import { Agent, request } from 'node:https';

import type { z } from 'zod';

import type { Clock } from '#core/clock.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { STEP_UP_HEADER } from '#protocol/step-up.ts';

import type { CliContext } from './context.ts';
import type { SecondFactor } from './second-factor.ts';
import { connectionFailure, problemFailure, stepUpDemandOf } from './service-failure.ts';
import { readStream, type StreamRequest } from './stream.ts';

const TIMEOUT_MS = 30_000;
/** The largest answer is a page of 1,000 audit records. */
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;

/** The administrators' API, as one administrator. Every answer was checked against its schema. */
export interface AdminClient extends Disposable {
  /** Throws CommandFailure: not reachable, refused, or not an answer of this API. */
  readonly get: <T>(path: string, query: Query, schema: z.ZodType<T>) => Promise<T>;
  readonly post: <T>(path: string, body: unknown, schema: z.ZodType<T>) => Promise<T>;
  /** An answer that is read as it comes. */
  readonly stream: (request: StreamRequest) => Promise<void>;
  /** Where the service is, for messages and for telling services apart. */
  readonly url: string;
}

/** Members that are undefined are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

interface Connection {
  readonly agent: Agent;
  readonly context: CliContext;
  readonly now: Clock;
}

/**
 * A client for the service in `context`: TLS 1.3, the service's certificate from the context's CA and no other, the administrator's
 * certificate shown. No session is resumed and no redirect is followed. A request that needs a second factor is made again, once, with what
 * `sign` makes of the demand.
 */
export function connectAdmin(context: CliContext, now: Clock, sign: SecondFactor): AdminClient {
  const agent = new Agent({
    keepAlive: true,
    maxCachedSessions: 0,
    minVersion: 'TLSv1.3',
    ca: context.ca,
    cert: context.identity,
    key: context.identity,
    timeout: TIMEOUT_MS,
  });
  const call = async <T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> => {
    const connection = { agent, context, now };
    const first = await send(connection, method, path, body);
    const demand = stepUpDemandOf(first);
    const answer =
      demand === undefined
        ? first
        : await send(connection, method, path, body, { [STEP_UP_HEADER]: await sign(demand, { method, path, body }) });
    if (answer.status < 200 || answer.status > 299) throw problemFailure(answer, context);
    return parseAnswer(answer, schema, `${method} ${path}`);
  };
  return {
    url: context.url.origin,
    get: (path, query, schema) => call('GET', withQuery(path, query), schema),
    post: (path, body, schema) => call('POST', path, schema, body),
    stream: (request) => readStream({ agent, context, now }, request),
    [Symbol.dispose]: () => {
      agent.destroy();
    },
  };
}

/** `path` with the members of `query` that are defined. */
export function withQuery(path: string, query: Query): string {
  const present = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return present.length === 0 ? path : `${path}?${new URLSearchParams(present).toString()}`;
}

function parseAnswer<T>(answer: Answer, schema: z.ZodType<T>, what: string): T {
  const parsed = schema.safeParse(readJson(answer));
  if (parsed.success) return parsed.data;
  const fault = parsed.error.issues[0];
  throw new CommandFailure(
    EXIT.internal,
    `the answer to ${what} is not one this version of muster understands (${fault?.path.join('.') ?? ''}: ${fault?.message ?? ''})`,
    'Use the muster that came with the service.',
  );
}

function readJson(answer: Answer): unknown {
  if (!answer.contentType.startsWith('application/json')) return undefined;
  try {
    return JSON.parse(answer.body);
  } catch {
    return undefined;
  }
}

function send(
  { agent, context, now }: Connection,
  method: string,
  path: string,
  body: unknown,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = { accept: 'application/json', ...(payload === undefined ? {} : contentHeaders(payload)), ...more };
  const outgoing = request(new URL(path, context.url), { agent, method, headers, timeout: TIMEOUT_MS }, (incoming) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      chunks.push(chunk);
      if (size > ANSWER_MAX_BYTES) incoming.destroy(new Error('the answer is too large'));
    });
    incoming.once('error', (cause) => {
      reject(connectionFailure(cause, context, now()));
    });
    incoming.once('end', () => {
      resolve({
        status: incoming.statusCode ?? 0,
        contentType: incoming.headers['content-type'] ?? '',
        body: Buffer.concat(chunks).toString('utf8'),
      });
    });
  });
  outgoing.once('timeout', () => {
    outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`));
  });
  outgoing.once('error', (cause) => {
    reject(connectionFailure(cause, context, now()));
  });
  outgoing.end(payload);
  return promise;
}

const contentHeaders = (payload: Buffer): Record<string, string> => ({
  'content-type': 'application/json',
  'content-length': String(payload.byteLength),
});
