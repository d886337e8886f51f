import type { FieldError, ProblemName } from '#protocol/problem.ts';
import type { StepUpDemand } from '#protocol/step-up.ts';

/** What the caller may be told besides the problem's name. */
export interface ProblemDetails {
  /** Only for `malformed-request`, `csr-rejected` and authenticated callers. */
  readonly detail?: string | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** Only with `step-up-required`: what the caller is to sign. */
  readonly stepUp?: StepUpDemand | undefined;
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
