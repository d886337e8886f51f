import type { FieldError, ProblemName } from '#protocol/problem.ts';

/** What the caller may be told besides the problem's name. */
export interface ProblemDetails {
  /** Only for `malformed-request`, `csr-rejected` and authenticated callers. */
  readonly detail?: string | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** A request that the HTTP layer itself will not take: thrown while it is read, answered at the one exit. */
export class ProblemError extends Error {
  readonly problem: ProblemName;
  readonly details: ProblemDetails;

  constructor(problem: ProblemName, details: ProblemDetails = {}) {
    super(problem);
    this.name = 'ProblemError';
    this.problem = problem;
    this.details = details;
  }
}
