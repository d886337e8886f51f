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

/** Something that this service stands on cannot be reached or refused to work. Answered 503; the cause is for the log alone. */
export class DependencyError extends Error {
  readonly dependency: 'store' | 'signer' | 'audit-log' | 'policy' | 'administrators';

  constructor(dependency: DependencyError['dependency'], cause: unknown) {
    super(`${dependency} is unavailable`, { cause });
    this.name = 'DependencyError';
    this.dependency = dependency;
  }
}
