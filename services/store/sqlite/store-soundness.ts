import type { DatabaseSync } from 'node:sqlite';

import { readPragma } from './open-database.ts';

/** Files up to 1 GiB are read through at start-up, in about a second; a larger one would keep a restarted service waiting. */
const CHECKED_BYTES_MAX = 2 ** 30;

/**
 * Throws unless SQLite finds the structure of a file up to 1 GiB whole, and the audit log's newest record is the one that its head
 * tells of: a log that lost its tail, or a file put together from two, is not written to. A damaged page of a larger file is found when
 * it is read. It does not verify the chain of the audit log (`core/audit-chain.ts`).
 */
export function assertStoreSound(database: DatabaseSync): void {
  const bytes = Number(readPragma(database, 'page_count')) * Number(readPragma(database, 'page_size'));
  const structure = bytes <= CHECKED_BYTES_MAX ? readPragma(database, 'quick_check(1)') : 'ok';
  if (structure !== 'ok') throw new Error(`the store is damaged: ${String(structure)}`);
  const head = database.prepare('select sequence, hash from audit_head where id = 1').get();
  const newest = database.prepare('select sequence, hash from audit_records order by sequence desc limit 1').get();
  if (head === undefined) throw new Error('the audit log has no head');
  const found = newest === undefined ? 0 : newest['sequence'];
  if (head['sequence'] !== found || (newest !== undefined && head['hash'] !== newest['hash'])) {
    throw new Error(`the audit log ends at ${String(found)}, its head says ${String(head['sequence'])}`);
  }
}
