import { type AuditEvent, type AuditRecord, chainAuditEvent } from '#core/audit-record.ts';

import type { AuditQueries } from './audit-queries.ts';
import type { Executor } from './prepared-query.ts';
import { rowFromAuditRecord } from './rows.ts';

/**
 * The event's record is last in the chain, and the head tells of it, when the transaction commits. Throws, and so undoes the change
 * that the event tells of, when the head is gone or its place is taken.
 */
export async function appendAudit(tx: Executor, queries: AuditQueries, event: AuditEvent): Promise<AuditRecord> {
  const advanced = await queries.advanceHead(tx, {});
  const [head] = advanced.rows;
  if (head === undefined) throw new Error('the audit log has no head');
  const record = chainAuditEvent(event, { sequence: head.sequence - 1, hash: head.hash });
  await queries.append(tx, rowFromAuditRecord(record));
  await queries.setHeadHash(tx, { hash: record.hash });
  return record;
}
