import { verifyAuditChain } from '#core/audit-chain.ts';
import type { AuditHead, AuditRecord } from '#core/audit-record.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';

import type { Happened } from './faults.ts';
import type { Attempt, Exchange, LedgerJoin } from './ledger.ts';
import type { CertificateRow, StoreContents } from './read-store.ts';

/** What the agents saw, what was done to the service, and what its store says. */
export interface Evidence {
  readonly joins: readonly LedgerJoin[];
  readonly exchanges: readonly Exchange[];
  readonly happened: readonly Happened[];
  /** Names of the faults that there should have been, each once at least. */
  readonly planned: readonly string[];
  readonly store: StoreContents;
  /** Heads of the audit log that were taken down while the load lasted. */
  readonly remembered: readonly AuditHead[];
}

/** A rule that was broken, with some of the places. */
export interface Finding {
  readonly rule: string;
  readonly count: number;
  readonly examples: readonly string[];
}

/** Counts of what was found; none of them is a fault. */
export interface Figures {
  readonly records: number;
  readonly issued: number;
  readonly received: number;
  /** Certificates whose answer never arrived: the agent began anew when its ticket had ended. */
  readonly answersLost: number;
  readonly orphaned: number;
  /** Joins whose agent ran out of patience: every one was told to come back, and got nothing. */
  readonly gaveUp: number;
  /** Intents whose signature or record failed with the store: closed by a later start. */
  readonly open: number;
}

const EXAMPLES = 5;
/** What the service says of a fault, and of joins that a fault broke off (docs/problems.md). */
const OF_FAULTS: ReadonlySet<string> = new Set([
  'dependency-unavailable',
  'overloaded',
  'state-conflict',
  'challenge-invalid',
]);
const GONE = /connection refused|ECONNRESET|EPIPE|socket hang up/;
/** Requests that were on their way when a process came back. */
const SETTLING_MS = 1_000;

type Rule = (evidence: Evidence, index: Index) => readonly string[];

const RULES: Readonly<Record<string, Rule>> = {
  'the audit log is whole, and has every record that was ever seen': ({ store: { records, head }, remembered }) => {
    const verdict = verifyAuditChain(records, { stored: head, remembered });
    return verdict.ok ? [] : verdict.faults.map(({ sequence, fault }) => `record ${sequence} ${fault}`);
  },

  'every certificate that was received is on record': (_, { received, issued, rows }) =>
    received
      .filter(({ serial, fingerprint, machine }) => {
        const row = rows.get(serial);
        const isKept = row?.state === 'issued' && row.fingerprint === fingerprint && row.node_name === machine;
        return !isKept || issued.get(serial)?.length !== 1;
      })
      .map(({ serial, machine }) => `${serial} of ${machine}`),

  'every certificate was on record before it was signed': (_, { issued, signing }) =>
    [...issued].flatMap(([serial, [first]]) => {
      const intents = signing.get(serial) ?? [];
      const isFirst = intents.length === 1 && first !== undefined && (intents[0] ?? 0) < first;
      return isFirst ? [] : [serial];
    }),

  'the store and its audit log tell the same of every serial': (_, { rows, signing, issued, orphaned }) =>
    [...new Set([...rows.keys(), ...signing.keys(), ...issued.keys(), ...orphaned.keys()])].filter((serial) => {
      const of = (records: Serials): number => records.get(serial)?.length ?? 0;
      const told = `${of(signing)} ${of(issued)} ${of(orphaned)}`;
      return told !== TOLD[rows.get(serial)?.state ?? 'none'];
    }),

  'no key and no ticket has two certificates': ({ store: { certificates }, joins }) => [
    ...repeated(certificates.map(({ spki_fingerprint: spki }) => spki)).map((spki) => `key ${spki}`),
    ...attemptsOf(joins)
      .filter(({ received }) => new Set(received.map(({ serial }) => serial)).size > 1)
      .map(({ ticket }) => `ticket ${String(ticket).slice(0, 16)}`),
  ],

  'no certificate was issued that nobody asked for': ({ joins }, { rows }) => {
    const asked = new Set<string>(attemptsOf(joins).map(({ spki }) => spki));
    const issued = [...rows.values()].filter(({ state }) => state === 'issued');
    return issued.filter(({ spki_fingerprint: spki }) => !asked.has(spki)).map(({ serial }) => serial);
  },

  'every join got its one certificate, or none and was told to come back': ({ joins }) =>
    joins
      .filter((join) => {
        const serials = serialsOf(join);
        return !gaveUp(join) && (join.outcome !== 'joined' || serials.size !== 1 || !serials.has(join.installed ?? ''));
      })
      .map(({ machine, outcome }) => `${machine}: ${outcome ?? 'has not ended'}`),

  'every refusal of a join is on record': ({ exchanges }, { refusedRequests }) =>
    exchanges
      .filter(({ step, outcome }) => step === 'join' && outcome === 'challenge-invalid')
      .filter(({ requestId }) => !refusedRequests.has(requestId ?? ''))
      .map(({ requestId }) => requestId ?? 'without an id'),

  'every problem is one that a fault explains': ({ exchanges }) =>
    exchanges
      .filter(({ kind, outcome }) => kind === 'unusable' || (kind === 'problem' && !OF_FAULTS.has(outcome)))
      .map(({ step, outcome, requestId }) => `${step}: ${outcome} (${requestId ?? 'no id'})`),

  'only a process that was killed gives no answer': ({ exchanges, happened }) =>
    exchanges
      .filter((exchange) => exchange.kind === 'unreachable' && !isExplained(exchange, happened))
      .map(({ step, outcome, sentMs }) => `${step}: ${outcome} at ${(sentMs / 1_000).toFixed(1)} s`),

  'every planned fault happened': ({ planned, happened }) =>
    planned.filter((name) => !happened.some(({ fault }) => fault === name)),

  'every fault was felt': ({ exchanges, happened }) =>
    happened
      .filter(
        ({ fromMs, mendedMs }) =>
          !exchanges.some(
            ({ kind, endedMs }) => kind !== 'ok' && endedMs >= fromMs && endedMs <= mendedMs + SETTLING_MS,
          ),
      )
      .map(({ fault, fromMs }) => `${fault} at ${(fromMs / 1_000).toFixed(0)} s`),
};

/** Records of `signing`, `issued` and `orphaned` that go with each state of a row. */
const TOLD: Readonly<Record<string, string>> = { signing: '1 0 0', issued: '1 1 0', orphaned: '1 0 1', none: '0 0 0' };

/** Every rule's name, in the order that they are looked at. */
export const RULE_NAMES: readonly string[] = Object.keys(RULES);

/** The rules that were broken; none is what the soak is for. */
export function judge(evidence: Evidence): readonly Finding[] {
  const index = indexOf(evidence);
  return Object.entries(RULES).flatMap(([rule, broken]) => {
    const places = broken(evidence, index);
    return places.length === 0 ? [] : [{ rule, count: places.length, examples: places.slice(0, EXAMPLES) }];
  });
}

/** What was counted. */
export function figuresOf(evidence: Evidence): Figures {
  const { issued, received, rows } = indexOf(evidence);
  const inState = (state: string): number => [...rows.values()].filter((row) => row.state === state).length;
  const serials = new Set(received.map(({ serial }) => serial));
  return {
    records: evidence.store.records.length,
    issued: issued.size,
    received: serials.size,
    answersLost: [...issued.keys()].filter((serial) => !serials.has(serial)).length,
    gaveUp: evidence.joins.filter(gaveUp).length,
    orphaned: inState('orphaned'),
    open: inState('signing'),
  };
}

/** Sequences of the records about each serial. */
type Serials = ReadonlyMap<string, readonly number[]>;

interface Index {
  readonly signing: Serials;
  readonly issued: Serials;
  readonly orphaned: Serials;
  readonly rows: ReadonlyMap<string, CertificateRow>;
  readonly received: readonly { readonly serial: string; readonly fingerprint: string; readonly machine: string }[];
  readonly refusedRequests: ReadonlySet<string>;
}

function indexOf({ store: { records, certificates }, joins }: Evidence): Index {
  const refused = records.filter(({ type }) => type === 'join.refused');
  return {
    signing: recordsOf(records, 'certificate.signing'),
    issued: recordsOf(records, 'certificate.issued'),
    orphaned: recordsOf(records, 'certificate.orphaned'),
    rows: new Map(certificates.map((row) => [row.serial, row])),
    received: attemptsOf(joins).flatMap(({ machine, received }) => received.map((one) => ({ ...one, machine }))),
    refusedRequests: new Set(refused.flatMap(({ requestId }) => requestId ?? [])),
  };
}

function recordsOf(
  records: readonly AuditRecord[],
  type: 'certificate.signing' | 'certificate.issued' | 'certificate.orphaned',
): Serials {
  const found = new Map<string, number[]>();
  for (const record of records) {
    if (!isRecordOf(record, type)) continue;
    const { serial } = record.facts;
    found.set(serial, [...(found.get(serial) ?? []), record.sequence]);
  }
  return found;
}

const serialsOf = ({ attempts }: LedgerJoin): ReadonlySet<string> =>
  new Set(attempts.flatMap(({ received }) => received.map(({ serial }) => serial)));

/** The agent's own words for "later": what it says of any other end is a finding. */
const LATER = /^(?:not-yet|unreachable): /;
const gaveUp = (join: LedgerJoin): boolean => LATER.test(join.outcome ?? '') && serialsOf(join).size === 0;

const attemptsOf = (joins: readonly LedgerJoin[]): readonly Attempt[] => joins.flatMap(({ attempts }) => attempts);

function repeated(values: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}

/** True where the request was under way while a process was away that may have been the one asked. */
function isExplained({ outcome, sentMs, endedMs }: Exchange, happened: readonly Happened[]): boolean {
  if (!GONE.test(outcome)) return false;
  return happened.some(
    ({ endsProcess, fromMs, mendedMs }) => endsProcess && endedMs >= fromMs && sentMs <= mendedMs + SETTLING_MS,
  );
}
