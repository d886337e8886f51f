import type { z } from 'zod';

import type { Bytes } from '#core/bytes.ts';
import { type ProblemName, problemDocument, PROBLEMS, problemName, type Retry } from '#protocol/problem.ts';

import type { HttpAnswer } from './connection.ts';

/** The service said no, or not now. */
export interface ProblemAnswer {
  readonly status: 'problem';
  /** Undefined for a problem that this version does not know, and for a gateway that answers in the service's place. */
  readonly problem: ProblemName | undefined;
  readonly httpStatus: number;
  readonly retry: Retry;
  /** What the service asks to wait; 0 if it does not say. */
  readonly retryAfterSeconds: number;
  /** The key into the service's audit log, where it gave one. */
  readonly requestId: string | undefined;
  readonly detail: string | undefined;
}

/** What one request came to. Every way it can end is a value; only bugs throw. */
export type Answer<T> =
  | { readonly status: 'ok'; readonly value: T }
  | ProblemAnswer
  /** No answer: the reason, for an operator, without a full stop. */
  | { readonly status: 'unreachable'; readonly reason: string }
  /** An answer, but none that the protocol has. */
  | { readonly status: 'unusable'; readonly reason: string };

/** An hour: a service that asks for more has lost its mind or its clock. */
export const MAX_RETRY_AFTER_SECONDS = 3_600;

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
const PROBLEM_TYPE = /^application\/problem\+json\s*(?:;|$)/i;
const REQUEST_ID = /^urn:uuid:([0-9a-f-]{36})$/;

/** The body of a successful answer as `schema` reads it. */
export function readBody<T>(answer: HttpAnswer, schema: z.ZodType<T>): Answer<T> {
  if (!JSON_TYPE.test(answer.headers['content-type'] ?? '')) return unusable(answer, 'is not JSON');
  const json = parseJson(answer.body);
  if (json === undefined) return unusable(answer, 'is not JSON');
  const parsed = schema.safeParse(json);
  if (parsed.success) return { status: 'ok', value: parsed.data };
  const [issue] = parsed.error.issues;
  return unusable(
    answer,
    `does not follow the protocol at /${issue?.path.map(String).join('/') ?? ''}: ${issue?.message ?? ''}`,
  );
}

/** What an answer that is not a success means. `nowMs` is for a Retry-After that is a date. */
export function readProblem(answer: HttpAnswer, nowMs: number): Answer<never> {
  const retryAfterSeconds = retryAfter(answer.headers['retry-after'], nowMs);
  const base = { status: 'problem', httpStatus: answer.status, retryAfterSeconds } as const;
  const document = PROBLEM_TYPE.test(answer.headers['content-type'] ?? '')
    ? problemDocument.safeParse(parseJson(answer.body))
    : undefined;
  if (document?.success !== true) {
    // Gateways in front of the service answer in its place, and not in its words, while it is away.
    if (answer.status < 500 && answer.status !== 429) return unusable(answer, 'is not one of the service');
    return { ...base, problem: undefined, retry: 'same-request', requestId: undefined, detail: undefined };
  }
  const problem = problemName(document.data.type);
  const retry = document.data.retry ?? (problem === undefined ? retryByStatus(answer.status) : PROBLEMS[problem].retry);
  const requestId = REQUEST_ID.exec(document.data.instance ?? '')?.[1];
  return { ...base, problem, retry, requestId, detail: document.data.detail };
}

function retryByStatus(status: number): Retry {
  return status >= 500 || status === 429 ? 'same-request' : 'never';
}

/** Delay in seconds, from either form of the header (RFC 9110 §10.2.3). Anything else counts as not said. */
function retryAfter(header: string | undefined, nowMs: number): number {
  if (header === undefined) return 0;
  const seconds = /^[0-9]{1,9}$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - nowMs) / 1_000);
  return Number.isNaN(seconds) ? 0 : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}

function unusable(answer: HttpAnswer, what: string): Answer<never> {
  return { status: 'unusable', reason: `the answer (HTTP ${answer.status}) ${what}` };
}

function parseJson(body: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}
