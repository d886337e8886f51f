/**
 * What an error says of the database. `operation`: this statement was wrong, the transaction can go on from its savepoint. `connection`:
 * this connection is of no more use: the server went away, is starting or stopping, or has become a standby. `transaction`: this one is
 * lost and may be tried again.
 */
export type PostgresFault = 'operation' | 'transaction' | 'connection';

/** SQLSTATE classes (PostgreSQL, Appendix A). */
const OPERATION = new Set(['21', '22', '23', '42']);
const CONNECTION = new Set(['08', '28', '3D', '57', '58', 'F0', 'XX']);
/** A server that only reads: a standby, or a primary that was demoted under us. */
const READ_ONLY = '25006';

/** The fault of an error that the driver raised. One without a SQLSTATE is the connection's. */
export function postgresFault(error: unknown): PostgresFault {
  const code = sqlState(error);
  if (code === undefined || code === READ_ONLY) return 'connection';
  const of = code.slice(0, 2);
  if (OPERATION.has(of)) return 'operation';
  return CONNECTION.has(of) ? 'connection' : 'transaction';
}

/** The five characters; undefined for an error that is not the server's. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}
