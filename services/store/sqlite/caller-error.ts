import { DependencyError } from '#core/dependency-error.ts';

import { sqliteFault } from './sqlite-fault.ts';

export interface CallerError {
  /** What the caller is told: a DependencyError where the database is to blame, the error itself where the call is. */
  readonly error: unknown;
  /** Present when what the store wrote or read is in doubt: the store is of no more use. */
  readonly fatal: DependencyError | undefined;
}

/** Judges what an operation threw: SQLite's own error, or a transaction's that has one as its cause. */
export function callerError(thrown: unknown): CallerError {
  const cause = thrown instanceof DependencyError ? thrown.cause : thrown;
  const fault = sqliteFault(cause);
  if (fault === undefined || fault === 'operation') return { error: thrown, fatal: undefined };
  const error = thrown instanceof DependencyError ? thrown : new DependencyError('store', 'SQLite failed', { cause });
  return { error, fatal: fault === 'fatal' ? error : undefined };
}
