/** The server's answer to a request that it did not do. */
export class VaultError extends Error {
  readonly status: number;

  /** `errors` are the server's own words. */
  constructor(status: number, errors: readonly string[]) {
    super(`the server answers ${status}${errors.length === 0 ? '' : `: ${errors.join('; ')}`}`);
    this.name = 'VaultError';
    this.status = status;
  }
}
