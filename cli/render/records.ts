import type { CanonicalValue } from '#core/canonical-json.ts';
import type { AuditRecordDocument } from '#protocol/audit.ts';

import { safeText } from './safe-text.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';
import { renderTime } from './time.ts';

const FACTS_MAX = 120;

const COLUMNS: readonly Column<AuditRecordDocument>[] = [
  { heading: 'NO', cell: (record) => String(record.sequence) },
  { heading: 'AT', cell: (record) => renderTime(record.at) },
  {
    heading: 'WHAT',
    cell: (record) => record.type,
    style: (record, style) => (record.type.endsWith('.refused') ? style.bad : (text) => text),
  },
  { heading: 'BY', cell: (record) => record.actor },
  { heading: 'NODE', cell: (record) => record.nodeName },
  { heading: 'FROM', cell: (record) => record.address },
  { heading: 'REQUEST', cell: (record) => record.requestId },
  { heading: 'FACTS', cell: (record) => renderFacts(record.facts) },
];

/** Audit records as a table, in the order they come. */
export const renderRecords = (records: readonly AuditRecordDocument[], style: Style): string =>
  renderTable(COLUMNS, records, style);

/** One record on one line, for a log that is followed: the columns stand by the widths that are usual. */
export function renderRecordLine(record: AuditRecordDocument, style: Style): string {
  const what = record.type.padEnd(22);
  const parts = [
    String(record.sequence).padStart(6),
    renderTime(record.at),
    record.type.endsWith('.refused') ? style.bad(what) : what,
    safeText(record.actor).padEnd(20),
    safeText([record.nodeName, record.address, record.requestId].filter((part) => part !== undefined).join(' ')),
    style.faint(safeText(renderFacts(record.facts))),
  ];
  return `${parts.join('  ').trimEnd()}\n`;
}

/**
 * A record's facts on one line, for a person who skims: a list of checks is its codes, what is nested deeper is left to `-o json`, and
 * the line is cut where it goes on for long.
 */
export function renderFacts(facts: AuditRecordDocument['facts']): string {
  const line = Object.entries(facts)
    .map(([name, value]) => [name, renderFact(value)] as const)
    .filter(([, value]) => value !== '')
    .toSorted(([a], [b]) => weight(a) - weight(b))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
  return line.length > FACTS_MAX ? `${line.slice(0, FACTS_MAX - 1)}…` : line;
}

const FIRST = ['problem', 'reason', 'denials'];
const weight = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);

function renderFact(value: CanonicalValue): string {
  if (isList(value)) return value.map(renderFact).join(',');
  if (value === null || typeof value !== 'object') return String(value);
  const code = value['code'] ?? value['conflict'];
  const pcr = value['pcr'];
  return typeof code === 'string' ? `${code}${typeof pcr === 'number' ? `(PCR ${pcr})` : ''}` : '{…}';
}

const isList = (value: CanonicalValue): value is readonly CanonicalValue[] => Array.isArray(value);
