import { describe, expect, test } from 'vitest';

import { type AuditEvent, AUDIT_START, type AuditRecord, chainAuditEvent } from '#core/audit-record.ts';
import { spkiFingerprint } from '#core/ids.ts';
import { utf8 } from '#core/bytes.ts';
import { type Evidence, figuresOf, judge, RULE_NAMES } from '#scripts/soak/judge.ts';
import type { Attempt, Exchange, LedgerJoin } from '#scripts/soak/ledger.ts';
import type { CertificateRow } from '#scripts/soak/read-store.ts';
import { NOON } from '#test/lab/store-values.ts';

const KEY = {
  one: spkiFingerprint(utf8('one')),
  two: spkiFingerprint(utf8('two')),
  three: spkiFingerprint(utf8('three')),
};

const event = (type: string, serial: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  type,
  at: NOON,
  actor: 'service',
  facts: { serial },
  ...more,
});

function chained(events: readonly AuditEvent[]): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const one of events) records.push(chainAuditEvent(one, records.at(-1) ?? AUDIT_START));
  return records;
}

const EVENTS: readonly AuditEvent[] = [
  event('certificate.signing', '01'),
  event('certificate.issued', '01'),
  event('certificate.signing', '02'),
  event('certificate.orphaned', '02'),
  event('join.refused', '', { requestId: 'r-2' }),
  event('certificate.signing', '03'),
  event('certificate.issued', '03'),
  event('certificate.signing', '04'),
];

const row = (serial: string, state: string, spki: string, fingerprint: string | null): CertificateRow => ({
  serial,
  state,
  node_name: 'worker-1',
  spki_fingerprint: spki,
  fingerprint,
});

const attempt = (spki: Attempt['spki'], ticket: string, received: Attempt['received']): Attempt => ({
  machine: 'worker-1',
  spki,
  ticket,
  received,
});

/** The first attempt's signature failed, the second's certificate arrived twice. */
const JOIN: LedgerJoin = {
  machine: 'worker-1',
  startedMs: 0,
  attempts: [
    attempt(KEY.two, 't-2', []),
    attempt(KEY.one, 't-1', [
      { serial: '01', fingerprint: 'f-1' },
      { serial: '01', fingerprint: 'f-1' },
    ]),
  ],
  retries: 1,
  endedMs: 9_000,
  outcome: 'joined',
  installed: '01',
};

/** The machine's next one, which nothing came between. */
const ANOTHER: LedgerJoin = {
  ...JOIN,
  attempts: [attempt(KEY.three, 't-3', [{ serial: '03', fingerprint: 'f-3' }])],
  installed: '03',
};

const exchange = (more: Partial<Exchange>): Exchange => ({
  step: 'join',
  sentMs: 5_000,
  endedMs: 5_100,
  outcome: 'ok',
  kind: 'ok',
  requestId: undefined,
  ...more,
});

const RECORDS = chained(EVENTS);
const HEAD = RECORDS.at(-1) ?? AUDIT_START;

const WHOLE: Evidence = {
  joins: [JOIN, ANOTHER],
  exchanges: [
    exchange({ kind: 'problem', outcome: 'challenge-invalid', requestId: 'r-2' }),
    exchange({ kind: 'problem', outcome: 'dependency-unavailable', requestId: 'r-1' }),
    exchange({ kind: 'unreachable', outcome: 'nothing listens there (connection refused)' }),
    exchange({}),
  ],
  happened: [
    { fault: 'key server sealed', endsProcess: false, fromMs: 4_000, mendedMs: 4_500 },
    { fault: 'replica killed -9', endsProcess: true, fromMs: 5_050, mendedMs: 7_000 },
  ],
  planned: ['key server sealed', 'replica killed -9'],
  store: {
    records: RECORDS,
    head: HEAD,
    certificates: [
      row('01', 'issued', KEY.one, 'f-1'),
      row('02', 'orphaned', KEY.two, null),
      row('03', 'issued', KEY.three, 'f-3'),
      row('04', 'signing', spkiFingerprint(utf8('four')), null),
    ],
  },
  remembered: [RECORDS[2] ?? AUDIT_START],
};

const withStore = (store: Partial<Evidence['store']>): Evidence => ({ ...WHOLE, store: { ...WHOLE.store, ...store } });
const withEvents = (events: readonly AuditEvent[]): Evidence => {
  const records = chained(events);
  return { ...withStore({ records, head: records.at(-1) ?? AUDIT_START }), remembered: [] };
};
const withRow = (serial: string, change: Partial<CertificateRow>): Evidence =>
  withStore({
    certificates: WHOLE.store.certificates.map((one) => (one.serial === serial ? { ...one, ...change } : one)),
  });
const withJoin = (change: Partial<LedgerJoin>): Evidence => ({ ...WHOLE, joins: [{ ...JOIN, ...change }, ANOTHER] });
const withExchange = (change: Partial<Exchange>): Evidence => ({
  ...WHOLE,
  exchanges: [...WHOLE.exchanges, exchange(change)],
});
const swapped = (events: readonly AuditEvent[]): readonly AuditEvent[] => {
  const [signing, issued, ...rest] = events;
  return signing === undefined || issued === undefined ? [] : [issued, signing, ...rest];
};

const WHOLE_LOG = 'the audit log is whole, and has every record that was ever seen';
const RECEIVED = 'every certificate that was received is on record';
const FIRST = 'every certificate was on record before it was signed';
const SAME = 'the store and its audit log tell the same of every serial';
const TWICE = 'no key and no ticket has two certificates';
const ASKED = 'no certificate was issued that nobody asked for';
const ONE = 'every join got its one certificate, or none and was told to come back';
const REFUSED = 'every refusal of a join is on record';
const PROBLEM = 'every problem is one that a fault explains';
const GONE = 'only a process that was killed gives no answer';
const HAPPENED = 'every planned fault happened';
const FELT = 'every fault was felt';

const ROWS: readonly [string, Evidence, readonly string[]][] = [
  ['nothing', WHOLE, []],
  ['a record that is gone from the log’s end', withStore({ records: RECORDS.slice(0, -1) }), [WHOLE_LOG, SAME]],
  [
    'a log that was worked out anew after its head was taken down',
    { ...WHOLE, remembered: [{ sequence: 3, hash: 'a'.repeat(64) }] },
    [WHOLE_LOG],
  ],
  ['a received certificate that the store has another for', withRow('01', { fingerprint: 'f-9' }), [RECEIVED]],
  ['a received certificate of another node', withRow('01', { node_name: 'worker-2' }), [RECEIVED]],
  [
    'a received certificate without a record',
    withEvents(EVENTS.filter(({ type, facts }) => type !== 'certificate.issued' || facts['serial'] !== '01')),
    [RECEIVED, SAME],
  ],
  ['an intent after its certificate', withEvents(swapped(EVENTS)), [FIRST]],
  ['a certificate without an intent', withEvents(EVENTS.slice(1)), [FIRST, SAME]],
  ['a row that no record tells of', withRow('02', { state: 'signing' }), [SAME]],
  ['a key with two certificates', withRow('02', { spki_fingerprint: KEY.one }), [TWICE]],
  [
    'a ticket with two certificates',
    withJoin({
      attempts: [
        attempt(KEY.two, 't-2', []),
        attempt(KEY.one, 't-1', [
          { serial: '01', fingerprint: 'f-1' },
          { serial: '03', fingerprint: 'f-3' },
        ]),
      ],
    }),
    [TWICE, ONE],
  ],
  [
    'a certificate for a key that no agent made',
    withRow('03', { spki_fingerprint: spkiFingerprint(utf8('stranger')) }),
    [ASKED],
  ],
  ['a join that gave up over a certificate', withJoin({ outcome: 'not-yet: it took too long' }), [ONE]],
  ['a join that was refused', withJoin({ outcome: 'refused: evidence-rejected' }), [ONE]],
  ['a join that has not ended', withJoin({ outcome: undefined }), [ONE]],
  ['a join that installed another certificate than it got', withJoin({ installed: '03' }), [ONE]],
  [
    'a refusal that is not on record',
    withExchange({ kind: 'problem', outcome: 'challenge-invalid', requestId: 'r-9' }),
    [REFUSED],
  ],
  ['a problem that no fault explains', withExchange({ kind: 'problem', outcome: 'internal-error' }), [PROBLEM]],
  ['an answer that is not in the protocol', withExchange({ kind: 'unusable', outcome: 'is not JSON' }), [PROBLEM]],
  [
    'no answer while no process was away',
    withExchange({ kind: 'unreachable', outcome: 'the connection broke (ECONNRESET)', sentMs: 9_000, endedMs: 9_100 }),
    [GONE],
  ],
  [
    'a process that is there and does not answer',
    withExchange({ kind: 'unreachable', outcome: 'no complete answer within 30000 ms' }),
    [GONE],
  ],
  ['a fault that was planned and did not happen', { ...WHOLE, planned: ['disk full'] }, [HAPPENED]],
  [
    'a fault that nobody felt',
    {
      ...WHOLE,
      happened: [...WHOLE.happened, { fault: 'disk full', endsProcess: false, fromMs: 8_000, mendedMs: 8_500 }],
    },
    [FELT],
  ],
];

describe('the judge of a soak', () => {
  test.each(ROWS)('finds %s', (_, evidence, rules) => {
    expect(judge(evidence).map(({ rule }) => rule)).toEqual(rules);
  });

  test('has a row above for each of its rules', () => {
    expect([...new Set(ROWS.flatMap(([, , rules]) => rules))].toSorted()).toEqual(RULE_NAMES.toSorted());
  });

  test('counts what is no fault: answers that were lost, orphans, intents that are open', () => {
    const lost: Evidence = { ...WHOLE, joins: [JOIN] };
    expect(figuresOf(lost)).toEqual({
      records: 8,
      issued: 2,
      received: 1,
      answersLost: 1,
      gaveUp: 0,
      orphaned: 1,
      open: 1,
    });
  });

  test('counts who was told to come back until there was no patience left', () => {
    const later: LedgerJoin = {
      ...JOIN,
      outcome: 'not-yet: dependency-unavailable',
      attempts: [],
      installed: undefined,
    };
    const evidence: Evidence = { ...WHOLE, joins: [...WHOLE.joins, later] };
    expect([judge(evidence), figuresOf(evidence).gaveUp]).toEqual([[], 1]);
  });
});
