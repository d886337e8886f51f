import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import { EVENT_TYPE } from './event-log/event-type.ts';
import { isSpecId, type LogAlgorithm, parseSpecId, type SpecId } from './event-log/spec-id.ts';
import { startupLocality, type StartupLocality } from './event-log/startup-locality.ts';
import { PCR_COUNT } from './pcr.ts';
import { Reader } from './reader.ts';

/** An event's digest in each bank that this system computes. */
export type EventDigests = { readonly [bank in HashName]?: Bytes };

/**
 * One entry of a firmware event log. The log is unsigned: once replaying it has given the quoted PCR values, `pcr` and the digest of that
 * bank are proven, in this order, for every event but EV_NO_ACTION. `unverifiedType` never is, and `unverifiedData` only by its reader, where
 * the digest is the data's own.
 */
export interface LogEvent {
  /** 0 to 23, or NO_PCR. */
  readonly pcr: number;
  readonly digests: EventDigests;
  readonly unverifiedType: number;
  /** A view into the log. */
  readonly unverifiedData: Bytes;
}

/** PCR index of an EV_NO_ACTION event that belongs to no PCR. */
export const NO_PCR = 0xffffffff;

interface EventLogBase {
  readonly events: readonly LogEvent[];
  /** Undefined means 0. Proven, like all initial values, by PCR 0. */
  readonly startupLocality: StartupLocality | undefined;
}

/** A log in the crypto-agile form of TPM 2.0 platforms; `events` come after the header. */
export interface CryptoAgileLog extends EventLogBase {
  readonly kind: 'crypto-agile';
  readonly specId: SpecId;
}

/** A log of SHA-1 digests alone. Recognised, so that a policy can refuse it by name. */
export interface LegacySha1Log extends EventLogBase {
  readonly kind: 'legacy-sha1';
}

export type EventLog = CryptoAgileLog | LegacySha1Log;

/** Largest log in bytes. Real ones have up to 100 KiB. */
export const MAX_EVENT_LOG_SIZE = 1 << 20;
const MAX_EVENTS = 10_000;
const MAX_EVENT_DATA = 256 << 10;
const SHA1_SIZE = 20;

/**
 * The TCG PC Client event log in `bytes` (/sys/kernel/security/tpm0/binary_bios_measurements), read to its last byte: a well-formed header,
 * only digest algorithms that it names and each at most once an event, PCRs that exist, and at most one startup locality.
 * Nothing in it is proven: that takes `replayEventLog` and a quote. Throws Tpm2FormatError; an empty log is 'truncated'.
 */
export function parseEventLog(bytes: Bytes): EventLog {
  const reader = new Reader(bytes, 'event log');
  if (bytes.byteLength > MAX_EVENT_LOG_SIZE) throw reader.fail('size-out-of-range');
  const first = readSha1Event(reader);
  const { unverifiedType: type, unverifiedData: data } = first;
  if (type !== EVENT_TYPE.noAction || !isSpecId(data)) {
    const events = readAll(reader, [first], readSha1Event);
    return { kind: 'legacy-sha1', events, startupLocality: startupLocality(bytes, events) };
  }
  if (first.pcr !== 0 || first.digests.sha1?.some((octet) => octet !== 0)) throw reader.fail('bad-value');
  const specId = parseSpecId(data, reader.offset - data.byteLength);
  const algorithms = new Map(specId.algorithms.map((algorithm) => [algorithm.alg, algorithm]));
  const events = readAll(reader, [], (at) => readEvent(at, algorithms));
  return { kind: 'crypto-agile', specId, events, startupLocality: startupLocality(bytes, events) };
}

function readAll(reader: Reader, events: LogEvent[], read: (reader: Reader) => LogEvent): readonly LogEvent[] {
  while (reader.remaining > 0) {
    if (events.length === MAX_EVENTS) throw reader.fail('count-out-of-range');
    events.push(read(reader));
  }
  return events;
}

/** TCG_PCR_EVENT. */
function readSha1Event(reader: Reader): LogEvent {
  const pcr = reader.u32Le();
  const type = reader.u32Le();
  const digests = { sha1: reader.bytes(SHA1_SIZE) };
  return checked(reader, { pcr, digests, unverifiedType: type, unverifiedData: readData(reader) });
}

/** TCG_PCR_EVENT2. */
function readEvent(reader: Reader, algorithms: ReadonlyMap<number, LogAlgorithm>): LogEvent {
  const pcr = reader.u32Le();
  const type = reader.u32Le();
  const digests = readDigests(reader, algorithms);
  return checked(reader, { pcr, digests, unverifiedType: type, unverifiedData: readData(reader) });
}

/** TPML_DIGEST_VALUES, little-endian: each algorithm is one of the header's, and none comes twice. */
function readDigests(reader: Reader, algorithms: ReadonlyMap<number, LogAlgorithm>): EventDigests {
  const count = reader.u32Le();
  if (count > algorithms.size) throw reader.fail('count-out-of-range');
  const digests: { [bank in HashName]?: Bytes } = {};
  const seen: number[] = [];
  for (let i = 0; i < count; i++) {
    const alg = reader.u16Le();
    const algorithm = algorithms.get(alg);
    if (algorithm === undefined) throw reader.fail('unknown-selector');
    if (seen.includes(alg)) throw reader.fail('bad-value');
    seen.push(alg);
    const value = reader.bytes(algorithm.size);
    if (algorithm.hash !== undefined) digests[algorithm.hash] = value;
  }
  return digests;
}

function readData(reader: Reader): Bytes {
  const data = reader.bytes(reader.u32Le());
  if (data.byteLength > MAX_EVENT_DATA) throw reader.fail('size-out-of-range');
  return data;
}

/** The event, if it is one of a PCR that exists, or of none and extends nothing. */
function checked(reader: Reader, event: LogEvent): LogEvent {
  if (event.pcr < PCR_COUNT) return event;
  if (event.pcr === NO_PCR && event.unverifiedType === EVENT_TYPE.noAction) return event;
  throw reader.fail('bad-value');
}
