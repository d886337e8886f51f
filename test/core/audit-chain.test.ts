import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { AUDIT_FAULTS_MAX, AuditChainVerifier, verifyAuditChain } from '#core/audit-chain.ts';
import { AUDIT_START, type AuditRecord, auditHash, chainAuditEvent } from '#core/audit-record.ts';

function chain(length: number, from: readonly AuditRecord[] = []): readonly AuditRecord[] {
  const records = [...from];
  while (records.length < length) {
    const n = records.length + 1;
    const event = {
      type: 'join.refused',
      at: new Date(n * 1_000),
      actor: 'anonymous',
      address: '192.0.2.1',
      facts: { n },
    };
    records.push(chainAuditEvent(event, records.at(-1) ?? AUDIT_START));
  }
  return records;
}

const LENGTH = 8;
const GENUINE = chain(LENGTH);
const STORED = at(GENUINE, LENGTH);

function at(records: readonly AuditRecord[], sequence: number): AuditRecord {
  const record = records[sequence - 1];
  if (record === undefined) throw new Error(`no record ${sequence}`);
  return record;
}

const edited = (sequence: number, change: Partial<AuditRecord>): readonly AuditRecord[] =>
  GENUINE.with(sequence - 1, { ...at(GENUINE, sequence), ...change });
const resealed = (sequence: number, change: Partial<AuditRecord>): readonly AuditRecord[] => {
  const record = { ...at(GENUINE, sequence), ...change };
  return GENUINE.with(sequence - 1, { ...record, hash: auditHash(record) });
};
const without = (sequence: number): readonly AuditRecord[] => GENUINE.toSpliced(sequence - 1, 1);
const swapped = GENUINE.toSpliced(3, 2, at(GENUINE, 5), at(GENUINE, 4));
const forged = chainAuditEvent({ ...at(GENUINE, 5), facts: { forged: true } }, at(GENUINE, 4));

describe('a verified audit log', () => {
  test.each([
    { change: 'nothing', records: GENUINE, faults: [] },
    { change: 'a fact', records: edited(3, { facts: { n: 99 } }), faults: [{ sequence: 3, fault: 'altered' }] },
    { change: 'a time', records: edited(3, { at: new Date(1) }), faults: [{ sequence: 3, fault: 'altered' }] },
    { change: 'an actor', records: edited(3, { actor: 'admin:alice' }), faults: [{ sequence: 3, fault: 'altered' }] },
    {
      change: 'an address taken out',
      records: edited(3, { address: undefined }),
      faults: [{ sequence: 3, fault: 'altered' }],
    },
    { change: 'a type', records: edited(3, { type: 'join.accepted' }), faults: [{ sequence: 3, fault: 'altered' }] },
    {
      change: 'a hash',
      records: edited(3, { hash: at(GENUINE, 2).hash }),
      faults: [{ sequence: 3, fault: 'altered' }],
    },
    {
      change: 'a link',
      records: edited(3, { previousHash: at(GENUINE, 1).hash }),
      faults: [{ sequence: 3, fault: 'altered' }],
    },
    {
      change: 'a date that is none',
      records: edited(3, { at: new Date(Number.NaN) }),
      faults: [{ sequence: 3, fault: 'altered' }],
    },
    { change: 'a fact, sealed anew', records: resealed(3, { facts: {} }), faults: [{ sequence: 3, fault: 'altered' }] },
    {
      change: 'the first, sealed anew',
      records: resealed(1, { facts: {} }),
      faults: [{ sequence: 1, fault: 'altered' }],
    },
    {
      change: 'the last, sealed anew',
      records: resealed(8, { facts: {} }),
      faults: [{ sequence: 8, fault: 'altered' }],
    },
    {
      change: 'a link, sealed anew',
      records: resealed(3, { previousHash: at(GENUINE, 1).hash }),
      faults: [{ sequence: 3, fault: 'altered' }],
    },
    {
      change: 'the first one’s link, sealed anew',
      records: resealed(1, { previousHash: at(GENUINE, 5).hash }),
      faults: [{ sequence: 1, fault: 'altered' }],
    },
    {
      change: 'the last one’s link, sealed anew',
      records: resealed(8, { previousHash: at(GENUINE, 5).hash }),
      faults: [{ sequence: 8, fault: 'altered' }],
    },
    { change: 'one record gone', records: without(3), faults: [{ sequence: 3, fault: 'dropped' }] },
    { change: 'the first record gone', records: without(1), faults: [{ sequence: 1, fault: 'dropped' }] },
    { change: 'the last record gone', records: without(8), faults: [{ sequence: 8, fault: 'truncated' }] },
    {
      change: 'two records gone',
      records: GENUINE.toSpliced(2, 2),
      faults: [
        { sequence: 3, fault: 'dropped' },
        { sequence: 4, fault: 'dropped' },
      ],
    },
    { change: 'the tail gone', records: GENUINE.slice(0, 4), faults: [{ sequence: 5, fault: 'truncated' }] },
    { change: 'everything gone', records: [], faults: [{ sequence: 1, fault: 'truncated' }] },
    {
      change: 'a record twice',
      records: GENUINE.toSpliced(5, 0, at(GENUINE, 5)),
      faults: [{ sequence: 5, fault: 'inserted' }],
    },
    {
      change: 'a forged record behind',
      records: GENUINE.toSpliced(5, 0, forged),
      faults: [{ sequence: 5, fault: 'inserted' }],
    },
    {
      change: 'a record of number 0',
      records: [{ ...forged, sequence: 0 }, ...GENUINE],
      faults: [{ sequence: 0, fault: 'inserted' }],
    },
    { change: 'a record behind the head', records: chain(9, GENUINE), faults: [{ sequence: 9, fault: 'inserted' }] },
    { change: 'two records the other way round', records: swapped, faults: [{ sequence: 4, fault: 'reordered' }] },
    {
      change: 'the numbers of two records',
      records: GENUINE.toSpliced(3, 2, { ...at(GENUINE, 5), sequence: 4 }, { ...at(GENUINE, 4), sequence: 5 }),
      faults: [
        { sequence: 4, fault: 'altered' },
        { sequence: 5, fault: 'altered' },
      ],
    },
    {
      change: 'two things',
      records: edited(2, { facts: {} }).toSpliced(5, 1),
      faults: [
        { sequence: 2, fault: 'altered' },
        { sequence: 6, fault: 'dropped' },
      ],
    },
  ])('with $change, is clean or names the record', ({ records, faults }) => {
    const verdict = verifyAuditChain(records, { stored: STORED });
    const clean = { ok: true, records: LENGTH, head: { sequence: LENGTH, hash: STORED.hash } };
    expect(verdict).toEqual(faults.length === 0 ? clean : { ok: false, faults });
  });

  const rewritten = chain(LENGTH, [...GENUINE.slice(0, 4), forged]);
  test.each([
    { change: 'nothing', records: GENUINE, faults: [] },
    { change: 'nothing, longer by now', records: chain(12, GENUINE), faults: [] },
    {
      change: 'everything from 5 on, worked out anew',
      records: rewritten,
      faults: [{ sequence: 6, fault: 'rewritten' }],
    },
    {
      change: 'the tail cut off, head and all',
      records: GENUINE.slice(0, 4),
      faults: [{ sequence: 5, fault: 'truncated' }],
    },
  ])('with $change, answers to a head that somebody remembers', ({ records, faults }) => {
    const stored = records.at(-1);
    const remembered = [at(GENUINE, 2), at(GENUINE, 6)];
    expect(verifyAuditChain(records, { stored })).toMatchObject({ ok: true });
    const verdict = verifyAuditChain(records, { stored, remembered });
    expect(verdict).toMatchObject(faults.length === 0 ? { ok: true } : { ok: false, faults });
  });

  test('of nothing is clean', () => {
    expect(verifyAuditChain([], { stored: AUDIT_START, remembered: [AUDIT_START] })).toEqual({
      ok: true,
      records: 0,
      head: AUDIT_START,
    });
  });

  test('answers to its last record where no head is known', () => {
    expect(verifyAuditChain(GENUINE.slice(0, 4))).toMatchObject({ ok: true, records: 4 });
    expect(verifyAuditChain(resealed(3, { facts: {} }))).toEqual({
      ok: false,
      faults: [{ sequence: 3, fault: 'altered' }],
    });
  });

  test('does not list faults without end', () => {
    const verifier = new AuditChainVerifier();
    verifier.add({ ...at(GENUINE, 1), sequence: Number.MAX_SAFE_INTEGER });
    const verdict = verifier.finish();
    expect(verdict.ok ? 0 : verdict.faults.length).toBe(AUDIT_FAULTS_MAX);
  });

  test('names the one record of 40 that was altered, dropped, inserted or moved, whichever it is', () => {
    const genuine = chain(40);
    const head = at(genuine, 40);
    const attack = fc.record({
      kind: fc.constantFrom('altered', 'resealed', 'dropped', 'inserted', 'reordered'),
      sequence: fc.integer({ min: 1, max: 40 }),
      value: fc.integer(),
    });
    const outcome = fc.property(attack, ({ kind, sequence, value }) => {
      const record = at(genuine, sequence);
      const changed = { ...record, facts: { ...record.facts, value } };
      const records = {
        altered: () => genuine.with(sequence - 1, changed),
        resealed: () => genuine.with(sequence - 1, { ...changed, hash: auditHash(changed) }),
        dropped: () => genuine.toSpliced(sequence - 1, 1),
        inserted: () => genuine.toSpliced(sequence, 0, record),
        reordered: () => [...genuine.toSpliced(sequence - 1, 1), record],
      }[kind]();
      if (kind === 'reordered' && sequence === 40) return;
      const verdict = verifyAuditChain(records, { stored: head });
      expect(verdict.ok ? [] : verdict.faults.map((fault) => fault.sequence)).toEqual([sequence]);
    });
    fc.assert(outcome, { numRuns: 5_000 });
  });
});
