import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

import { describe, expect, test } from 'vitest';

import { concatBytes, toHex, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { eventLog, startupLocalityEvent } from '#test/lab/event-log-builder.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { sharedVector, vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { type EventLog, parseEventLog } from '#tpm2/event-log.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { initialPcrValue, replayEventLog } from '#tpm2/event-log/replay.ts';

interface Expectation {
  readonly error?: string;
  readonly header?: { readonly algs?: readonly string[] };
  readonly events?: number;
  readonly startupLocality?: readonly number[];
  readonly pcrs?: Partial<Record<HashName, Record<string, string>>>;
}

const EXPECTED = Object.entries(vectorJson<Record<string, Expectation>>('event-logs/replayed-pcrs.json'));

/** The log, from the repository's own vectors or from the shared ones, which may be absent. */
function read(path: string): Uint8Array | undefined {
  const own = `${import.meta.dirname}/../../vectors/event-logs/${basename(path)}`;
  if (existsSync(own)) return readFileSync(own);
  const shared = sharedVector(path);
  return shared === undefined ? undefined : readFileSync(shared);
}

const LOGS = EXPECTED.map(([path, expected]) => ({ path, expected, bytes: read(path) }));
const MISSING = LOGS.filter(({ bytes }) => bytes === undefined).map(({ path }) => path);

/** Replayed values as the expectation writes them. */
function replayed(log: EventLog, bank: HashName): Record<string, string> {
  const values = [...replayEventLog(log, bank)].map(([pcr, value]) => [
    String(pcr),
    value === 'digest-missing' ? 'NO-DIGEST-FOR-BANK' : toHex(value),
  ]);
  return Object.fromEntries(values);
}

describe('replayEventLog on real logs', () => {
  const malformed = LOGS.filter(({ expected }) => expected.error !== undefined);
  test.each(malformed)('refuses $path, which ends too early', ({ bytes }) => {
    expect(formatCode(() => parseEventLog(bytes ?? new Uint8Array()))).toBe('truncated');
  });

  for (const { path, expected, bytes } of LOGS.filter((each) => !malformed.includes(each))) {
    test.skipIf(bytes === undefined)(`gives ${path} what an independent replay gives`, () => {
      const log = parseEventLog(bytes ?? new Uint8Array());
      const banks = Object.entries(expected.pcrs ?? {});
      expect(log.kind).toBe(expected.header?.algs === undefined ? 'legacy-sha1' : 'crypto-agile');
      expect(log.events).toHaveLength(expected.events ?? -1);
      expect(log.startupLocality).toBe(expected.startupLocality?.[0]);
      expect(Object.fromEntries(banks.map(([bank]) => [bank, replayed(log, bank as HashName)]))).toEqual(expected.pcrs);
    });
  }

  test.skipIf(MISSING.length > 0)('leaves no log of the expectations out', () => {
    expect([LOGS.length, malformed.length]).toEqual([24, 2]);
  });

  test.each(['good', 'kernel-shortcut'])('gives the PCRs that a virtual machine had after boot: %s', (name) => {
    const values = replayEventLog(parseEventLog(vectorBytes(`ovmf-debian12/${name}.evl`)), 'sha256');
    const { sha256 } = vectorJson<{ sha256: Record<string, string> }>(`ovmf-debian12/${name}.pcrs.json`);
    const found = Object.keys(sha256).map((pcr) => [pcr, values.get(Number(pcr))] as const);
    const known = found.filter(([, value]) => value !== undefined && value !== 'digest-missing');
    expect(Object.fromEntries(known.map(([pcr, value]) => [pcr, toHex(Buffer.from(value ?? ''))]))).toEqual(
      Object.fromEntries(known.map(([pcr]) => [pcr, sha256[pcr]])),
    );
    expect(known.map(([pcr]) => pcr)).toEqual(expect.arrayContaining(['0', '1', '2', '3', '4', '5', '6', '7', '9']));
  });
});

describe('replayEventLog', () => {
  const data = utf8('event');
  const event = (pcr: number, type: number = EVENT_TYPE.ipl) => ({ pcr, type, data });
  const extended = (start: Uint8Array) => digest('sha256', concatBytes(start, digest('sha256', data)));
  const zeros = new Uint8Array(32);

  test('starts from the reset value, and PCR 0 from the startup locality', () => {
    const log = parseEventLog(eventLog([startupLocalityEvent(3), event(0), event(1), event(17)]));
    const locality3 = new Uint8Array(32).fill(3, 31);
    expect(replayEventLog(log, 'sha256')).toEqual(
      new Map([
        [0, new Uint8Array(extended(locality3))],
        [1, new Uint8Array(extended(zeros))],
        [17, new Uint8Array(extended(new Uint8Array(32).fill(0xff)))],
      ]),
    );
    expect(initialPcrValue(log, 0, 'sha256')).toEqual(locality3);
    expect(initialPcrValue(log, 1, 'sha256')).toEqual(zeros);
    expect(initialPcrValue(parseEventLog(eventLog([event(0)])), 0, 'sha256')).toEqual(zeros);
  });

  test('never extends by EV_NO_ACTION, whatever its digests', () => {
    const log = parseEventLog(eventLog([event(0, EVENT_TYPE.noAction), event(5, EVENT_TYPE.noAction), event(4)]));
    expect([...replayEventLog(log, 'sha256').keys()]).toEqual([4]);
  });

  test('says nothing of a PCR that no event extends', () => {
    expect(replayEventLog(parseEventLog(eventLog([])), 'sha256').size).toBe(0);
  });

  test('cannot tell a PCR one of whose events has no digest for the bank', () => {
    const without = { ...event(7), digests: [[0x0004, digest('sha1', data)]] as const };
    const log = parseEventLog(eventLog([event(7), without, event(7), event(4)], ['sha1', 'sha256']));
    const values = replayEventLog(log, 'sha256');
    expect(values.get(7)).toBe('digest-missing');
    expect(values.get(4)).toEqual(new Uint8Array(extended(zeros)));
    expect(replayEventLog(log, 'sha1').get(7)).toBeInstanceOf(Uint8Array);
  });

  test('cannot tell any PCR in a bank that the log does not have', () => {
    const log = parseEventLog(vectorBytes('event-logs/debian-10.bin'));
    expect(new Set(replayEventLog(log, 'sha256').values())).toEqual(new Set(['digest-missing']));
  });

  test('depends on the order of events', () => {
    const other = { ...event(4), data: utf8('other') };
    const value = (...events: readonly (typeof other)[]) => replayed(parseEventLog(eventLog(events)), 'sha256')['4'];
    expect(value(event(4), other)).not.toBe(value(other, event(4)));
    expect(value(event(4), other)).not.toBe(value(event(4)));
  });
});
