/** What the service cannot answer without. */
export type Dependency = 'store' | 'signer' | 'administrators';

/**
 * Something the service stands on did not do its part: the caller is told `dependency-unavailable` and nothing of the cause, which is
 * for the log. Whatever was asked for is not done, or is not known to be done.
 */
export class DependencyError extends Error {
  override readonly name = 'DependencyError';
  readonly dependency: Dependency;

  constructor(dependency: Dependency, message: string, options?: ErrorOptions) {
    super(message, options);
    this.dependency = dependency;
  }
}
