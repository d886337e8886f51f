/**
 * What an error says of the database. `operation`: this statement was wrong, the database is well. `transient`: it cannot do this now
 * (full, locked, read-only) and may again later. `fatal`: what it wrote or read is in doubt, and no retry makes it certain.
 */
export type SqliteFault = 'operation' | 'transient' | 'fatal';

/** Primary result codes (sqlite.org/rescode.html): the low byte of an extended one. */
const OPERATION = new Set([
  1, // ERROR
  18, // TOOBIG
  19, // CONSTRAINT
  20, // MISMATCH
  25, // RANGE
]);
const TRANSIENT = new Set([
  3, // PERM
  5, // BUSY
  6, // LOCKED
  8, // READONLY
  9, // INTERRUPT
  13, // FULL
  14, // CANTOPEN
]);
/** The file is no longer where it was opened: what is written goes nowhere. */
const READONLY_DBMOVED = 1_032;

/** The fault of an error that SQLite raised; undefined for any other. Codes not listed are fatal: IOERR, CORRUPT, NOTADB and the rest. */
export function sqliteFault(error: unknown): SqliteFault | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  if (error.errcode === READONLY_DBMOVED) return 'fatal';
  const primary = error.errcode & 0xff;
  if (OPERATION.has(primary)) return 'operation';
  return TRANSIENT.has(primary) ? 'transient' : 'fatal';
}
