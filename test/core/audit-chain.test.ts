import { describe, expect, test } from 'vitest';

import { AUDIT_START, verifyAuditRecords } from '#core/audit-chain.ts';
import { type AuditRecord, auditHash, chainAuditEvent } from '#core/audit-record.ts';

function chain(length: number): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  for (let at = 0; at < length; at += 1) {
    const event = { type: 'join.refused', at: new Date(at * 1_000), actor: 'service', facts: { at } };
    records.push(chainAuditEvent(event, records.at(-1) ?? AUDIT_START));
  }
  return records;
}

const RECORDS = chain(6);

describe('a chain of audit records', () => {
  test('is accepted whole and gives its head', () => {
    const last = RECORDS.at(-1);
    expect(verifyAuditRecords(AUDIT_START, RECORDS)).toEqual({
      ok: true,
      head: { sequence: 6, hash: last?.hash },
    });
  });

  test('is accepted from the middle, where the part before was verified', () => {
    const head = RECORDS[2] ?? AUDIT_START;
    expect(verifyAuditRecords(head, RECORDS.slice(3)).ok).toBe(true);
  });

  test('is accepted when it is empty', () => {
    expect(verifyAuditRecords(AUDIT_START, [])).toEqual({ ok: true, head: AUDIT_START });
  });

  const edit = (at: number, change: Partial<AuditRecord>): readonly AuditRecord[] =>
    RECORDS.map((record, index) => (index === at ? { ...record, ...change } : record));
  const resealed = (at: number, change: Partial<AuditRecord>): readonly AuditRecord[] =>
    edit(at, change).map((record, index) => (index === at ? { ...record, hash: auditHash(record) } : record));

  test.each([
    ['altered', 3, edit(2, { facts: { at: 99 } })],
    ['altered', 3, edit(2, { at: new Date(7) })],
    ['altered', 3, edit(2, { address: '10.0.0.1' })],
    ['unlinked', 4, resealed(2, { actor: 'admin:mallory' })],
    ['missing', 3, RECORDS.filter((_, at) => at !== 2)],
    ['missing', 1, RECORDS.slice(1)],
    ['missing', 3, RECORDS.with(2, RECORDS[3] ?? RECORDS[0] ?? never()).with(3, RECORDS[2] ?? never())],
    ['missing', 4, RECORDS.toSpliced(3, 0, RECORDS[2] ?? never())],
  ])('is refused with %s at record %d', (kind, sequence, records) => {
    expect(verifyAuditRecords(AUDIT_START, records)).toMatchObject({ ok: false, fault: { kind, sequence } });
  });
});

function never(): never {
  throw new Error('the chain is shorter than the test thinks');
}
