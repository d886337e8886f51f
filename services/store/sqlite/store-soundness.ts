import type { DatabaseSync } from 'node:sqlite';

/**
 * Throws unless SQLite finds the file's structure whole, and the audit log's newest record is the one that its head tells of: a log
 * that lost its tail, or a file put together from two, is not written to. It does not verify the chain (`core/audit-chain.ts`).
 */
export function assertStoreSound(database: DatabaseSync): void {
  const [first] = database.prepare('pragma quick_check(1)').all();
  if (first?.['quick_check'] !== 'ok') throw new Error(`the store is damaged: ${String(first?.['quick_check'])}`);
  const head = database.prepare('select sequence, hash from audit_head where id = 1').get();
  const newest = database.prepare('select sequence, hash from audit_records order by sequence desc limit 1').get();
  if (head === undefined) throw new Error('the audit log has no head');
  const found = newest === undefined ? 0 : newest['sequence'];
  if (head['sequence'] !== found || (newest !== undefined && head['hash'] !== newest['hash'])) {
    throw new Error(`the audit log ends at ${String(found)}, its head says ${String(head['sequence'])}`);
  }
}
