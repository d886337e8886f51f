import type { AuditRecord } from '#core/audit-record.ts';

import { exportedAs } from './exported-events.ts';
import { SEVERITIES } from './ocsf-classes.ts';
import { recordText } from './record-text.ts';

/** Numerical codes of RFC 5424 §6.2.1 that an audit log may come under. */
export const SYSLOG_FACILITIES = {
  auth: 4,
  authpriv: 10,
  audit: 13,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const;
export type SyslogFacility = keyof typeof SYSLOG_FACILITIES;

export interface SyslogOptions {
  readonly facility: SyslogFacility;
  /** Our name for the structured data is `muster@` this number (RFC 5424 §7.2.2). */
  readonly enterpriseNumber: number;
  /** Of this machine. */
  readonly hostname: string;
  /** The service's identity: tells one Muster's chain from another's. */
  readonly audience: string;
  /** A message that would be longer has the record without its facts. */
  readonly maxMessageBytes: number;
}

const NIL = '-';
const HOSTNAME_MAX = 255;
const MSGID_MAX = 32;
const PARAMETER_MAX = 256;
const BYTE_ORDER_MARK = '\uFEFF';

/**
 * The record as one message of RFC 5424. Its text is what the record's hash seals; sequence, hash and the hash before are structured data as
 * well, so that a receiver finds a gap without reading the text.
 *
 * A text beyond `maxMessageBytes` is that of the record without its facts, and says so: receivers cut longer ones short, and the cut would be
 * silent. The hash is still the whole record's, which Muster has.
 */
export function syslogMessage(record: AuditRecord, options: SyslogOptions): Buffer {
  const whole = message(record, options, recordText(record), []);
  if (whole.byteLength <= options.maxMessageBytes) return whole;
  const factBytes = Buffer.byteLength(JSON.stringify(record.facts));
  const { facts: _, hash: __, ...rest } = record;
  return message(record, options, JSON.stringify({ ...rest, factBytes }), [['omitted', 'facts']]);
}

/** The message with its length before it (RFC 5425 §4.3.1: octet counting). */
export function countedOctets(text: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${text.byteLength} `, 'ascii'), text]);
}

type Parameter = readonly [name: string, value: string | undefined];

function message(record: AuditRecord, options: SyslogOptions, text: string, more: readonly Parameter[]): Buffer {
  const { facility, hostname } = options;
  const priority = SYSLOG_FACILITIES[facility] * 8 + SEVERITIES[exportedAs(record.type).severity].syslog;
  const header = [
    `<${priority}>1`,
    timestamp(record.at),
    printable(hostname, HOSTNAME_MAX),
    'muster',
    NIL,
    printable(record.type, MSGID_MAX),
  ];
  // Where the text is all ASCII, it needs no mark that it is UTF-8 (RFC 5424 §6.4), and more receivers read it.
  const mark = isAscii(text) ? '' : BYTE_ORDER_MARK;
  return Buffer.from(`${header.join(' ')} ${structuredData(record, options, more)} ${mark}${text}`, 'utf8');
}

function structuredData(record: AuditRecord, options: SyslogOptions, more: readonly Parameter[]): string {
  const { sequence, hash, previousHash, actor, nodeName, address, requestId } = record;
  const parameters: readonly Parameter[] = [
    ['sequence', String(sequence)],
    ['hash', hash],
    ['previousHash', previousHash],
    ['service', options.audience],
    ['actor', actor],
    ['node', nodeName],
    ['address', address],
    ['request', requestId],
    ...more,
  ];
  const present = parameters.flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${escaped(value)}"`]));
  return `[muster@${options.enterpriseNumber} ${present.join(' ')}]`;
}

/** RFC 5424 §6.3.3; control characters, which it advises against, are replaced: the text has them, escaped. */
const escaped = (value: string): string =>
  value
    .slice(0, PARAMETER_MAX)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '\uFFFD')
    .replaceAll(/["\\\]]/g, (character) => `\\${character}`);

/** PRINTUSASCII of RFC 5424 §6, or nothing. */
function printable(text: string, max: number): string {
  const kept = text.replaceAll(/[^\u0021-\u007E]/g, '').slice(0, max);
  return kept === '' ? NIL : kept;
}

const timestamp = (at: Date): string => (Number.isNaN(at.getTime()) ? NIL : at.toISOString());

const isAscii = (text: string): boolean => /^[\u0020-\u007E]*$/.test(text);
