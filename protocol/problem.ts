import { z } from 'zod';

import { stepUpDemandSchema } from './step-up.ts';

/** What the caller should do next: nothing, send the same again, or begin with a new challenge. */
export type Retry = 'never' | 'same-request' | 'new-challenge';

/** Every problem the service can answer with (RFC 9457). An unauthenticated caller learns the name and nothing else. */
export const PROBLEMS = {
  'malformed-request': { status: 400, retry: 'never', title: 'The request does not match the schema' },
  'csr-rejected': { status: 400, retry: 'never', title: 'The certificate request was not accepted' },
  'revocation-reason-refused': {
    status: 400,
    retry: 'never',
    title: 'The revocation reason is not one this service takes',
  },
  'authentication-required': { status: 401, retry: 'never', title: 'A valid client certificate is required' },
  'step-up-required': { status: 403, retry: 'never', title: 'A fresh second factor is required' },
  'permission-denied': { status: 403, retry: 'never', title: 'This caller may not do that' },
  'origin-refused': { status: 403, retry: 'never', title: 'Joins are not accepted from this network address' },
  'evidence-rejected': { status: 403, retry: 'never', title: 'The evidence was not accepted' },
  'token-refused': { status: 403, retry: 'never', title: 'The join token was not accepted' },
  'node-barred': { status: 403, retry: 'never', title: 'This node is barred' },
  'not-found': { status: 404, retry: 'never', title: 'There is no such thing' },
  'method-not-allowed': { status: 405, retry: 'never', title: 'This path does not take this method' },
  'challenge-invalid': { status: 409, retry: 'new-challenge', title: 'The challenge cannot be used' },
  'state-conflict': { status: 409, retry: 'same-request', title: 'The present state does not allow this' },
  'precondition-failed': { status: 412, retry: 'same-request', title: 'The record has changed since it was read' },
  'payload-too-large': { status: 413, retry: 'never', title: 'The request body is too large' },
  'unsupported-media-type': { status: 415, retry: 'never', title: 'The request body must be application/json' },
  'rate-limited': { status: 429, retry: 'same-request', title: 'Too many requests' },
  'internal-error': { status: 500, retry: 'same-request', title: 'The server failed' },
  overloaded: { status: 503, retry: 'same-request', title: 'The service is busy' },
  'dependency-unavailable': { status: 503, retry: 'same-request', title: 'The service cannot answer now' },
} as const satisfies Record<string, { status: number; retry: Retry; title: string }>;

export type ProblemName = keyof typeof PROBLEMS;

const PREFIX = 'urn:muster:problem:';

/** The problem's `type`: the same whatever the deployment's host name. */
export const problemType = (name: ProblemName): string => `${PREFIX}${name}`;

/** The problem's name from its `type`, or undefined for a type that is not ours. */
export function problemName(type: string): ProblemName | undefined {
  const name = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : '';
  return Object.hasOwn(PROBLEMS, name) ? (name as ProblemName) : undefined;
}

/** One member that was wrong: a JSON pointer (RFC 6901) and what was expected there. */
export const fieldError = z.object({ pointer: z.string(), detail: z.string() });
export type FieldError = z.output<typeof fieldError>;

/** `application/problem+json` as a client reads it: tolerant of members it does not know. */
export const problemDocument = z.object({
  type: z.string(),
  title: z.string().optional(),
  status: z.number().int(),
  instance: z.string().optional(),
  retry: z.enum(['never', 'same-request', 'new-challenge']).optional(),
  detail: z.string().optional(),
  errors: z.array(fieldError).optional(),
  /** Of `step-up-required`, for a caller who has a security key: sign, and ask again. */
  stepUp: stepUpDemandSchema.optional(),
});
export type ProblemDocument = z.output<typeof problemDocument>;
