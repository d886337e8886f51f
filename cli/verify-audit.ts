import type { AuditHead } from '#core/audit-record.ts';
import { AuditChainVerifier, type AuditLogFault } from '#core/audit-chain.ts';
import type { AuditRecord } from '#core/audit-record.ts';
import { type AuditRecordDocument, auditHeadSchema, auditPageSchema } from '#protocol/audit.ts';

import type { AdminClient } from './client.ts';
import type { Report } from './progress.ts';

const PAGE = 1_000;

/** What recomputing the log found. */
export interface LogVerification {
  readonly ok: boolean;
  /** Records that were read. */
  readonly records: number;
  /** The head that the service names. Nothing behind it was read: the log grows meanwhile. */
  readonly head: AuditHead;
  /** The head that this command line verified before, where it did. */
  readonly seenBefore: AuditHead | undefined;
  readonly faults: readonly AuditLogFault[];
}

/**
 * Reads the log up to the head that the service names, and recomputes it here. When `ok`: every record is as it was sealed, none is
 * missing or out of its place, the last is the named head, and the head seen before stands in it unchanged.
 */
export async function verifyAuditLog(
  client: AdminClient,
  seenBefore: AuditHead | undefined,
  report: Report,
): Promise<LogVerification> {
  const head = await client.get('/v1/audit/head', {}, auditHeadSchema);
  const remembered = seenBefore === undefined ? [] : [seenBefore];
  const verifier = new AuditChainVerifier({ stored: head, remembered });
  let after = 0;
  let read = 0;
  while (after < head.sequence) {
    const limit = Math.min(PAGE, head.sequence - after);
    const { records } = await client.get('/v1/audit', { after, limit }, auditPageSchema);
    for (const record of records) verifier.add(toRecord(record));
    read += records.length;
    report(`${read} of ${head.sequence} records`);
    const last = Math.max(...records.map((record) => record.sequence));
    // A page that leads no further is the end of what there is: the verifier says what is missing.
    if (records.length === 0 || last <= after) break;
    after = last;
  }
  const verdict = verifier.finish();
  const faults = verdict.ok ? [] : verdict.faults;
  return { ok: verdict.ok, records: read, head, seenBefore, faults };
}

const toRecord = (record: AuditRecordDocument): AuditRecord => ({ ...record, at: new Date(record.at) });
