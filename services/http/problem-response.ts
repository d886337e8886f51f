import type { ServerResponse } from 'node:http';

import { DependencyError } from '#core/dependency-error.ts';
import type { RequestId } from '#core/ids.ts';
import { PROBLEMS, problemType, type ProblemDocument, type ProblemName } from '#protocol/problem.ts';

import { entityTag, hasCurrent } from './entity-tag.ts';
import { type ProblemDetails, ProblemError } from './problem-error.ts';

/** A problem and what may be said with it. */
export type Problem = { readonly problem: ProblemName } & ProblemDetails;

/** Seconds to wait before the same request when a dependency failed and nothing better is known. */
const DEPENDENCY_RETRY_SECONDS = 5;

/** The problem that an error comes out as: its text stays in the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return { problem: error.problem, ...error.details };
  if (error instanceof DependencyError) {
    return { problem: 'dependency-unavailable', retryAfterSeconds: DEPENDENCY_RETRY_SECONDS };
  }
  return { problem: 'internal-error' };
}

/** What an anonymous caller may be told more of than the name. Everything else is in the audit log under the request id. */
const DETAILED_TO_ANYONE: ReadonlySet<ProblemName> = new Set(['malformed-request', 'csr-rejected']);

/** The problem document (RFC 9457). A caller who is not authenticated gets no detail, whatever the code that refused had to say. */
export function renderProblem(problem: Problem, requestId: RequestId, authenticated: boolean): ProblemDocument {
  const { status, retry, title } = PROBLEMS[problem.problem];
  const told = authenticated || DETAILED_TO_ANYONE.has(problem.problem);
  return {
    type: problemType(problem.problem),
    title,
    status,
    instance: `urn:uuid:${requestId}`,
    retry,
    ...(told && problem.detail !== undefined ? { detail: problem.detail } : {}),
    ...(told && problem.errors !== undefined ? { errors: [...problem.errors] } : {}),
    ...(authenticated && problem.stepUp !== undefined ? { stepUp: problem.stepUp } : {}),
  };
}

/** The one exit for errors: writes the problem as the response. */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  caller: { readonly requestId: RequestId; readonly authenticated: boolean },
): void {
  const document = renderProblem(problem, caller.requestId, caller.authenticated);
  if (problem.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(problem.retryAfterSeconds));
  sendJson(response, document.status, document, 'application/problem+json');
}

/** Writes `body` with its entity tag as the response and ends it; without the body where `ifNoneMatch` says that the caller has it. */
export function sendRevalidated(response: ServerResponse, body: unknown, ifNoneMatch: string | undefined): void {
  const text = JSON.stringify(body);
  const tag = entityTag(text);
  response.setHeader('ETag', tag);
  // The caller may keep it, and must ask before it uses it again.
  response.setHeader('Cache-Control', 'private, no-cache');
  if (hasCurrent(ifNoneMatch, tag)) response.writeHead(304).end();
  else sendText(response, 200, text, 'application/json');
}

/** Writes `body` as the response and ends it. */
export function sendJson(response: ServerResponse, status: number, body: unknown, type = 'application/json'): void {
  sendText(response, status, JSON.stringify(body), type);
}

function sendText(response: ServerResponse, status: number, text: string, type: string): void {
  const bytes = Buffer.from(text, 'utf8');
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', bytes.byteLength);
  response.end(bytes);
}
