import { AUDIT_START, type AuditEvent, type AuditHead, type AuditRecord, chainAuditEvent } from '#core/audit-record.ts';
import type { Store } from '#services/store/store.ts';

import { labEvent } from './store-values.ts';

/** One record in its place. */
export const labRecord = (override: Partial<AuditEvent> = {}, head: AuditHead = AUDIT_START): AuditRecord =>
  chainAuditEvent(labEvent(override), head);

/** A chain of so many records, each with its number among its facts. */
export function labChain(length: number, override: Partial<AuditEvent> = {}): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  for (let n = 1; n <= length; n += 1) {
    records.push(labRecord({ facts: { n }, ...override }, records.at(-1) ?? AUDIT_START));
  }
  return records;
}

/** Appends so many records, all of them at once. */
export async function appendMany(store: Pick<Store, 'appendAudit'>, count: number): Promise<readonly AuditRecord[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => store.appendAudit(labEvent({ facts: { n } }))));
}
