import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, utf8 } from '#core/bytes.ts';
import {
  eventLog,
  eventRecord,
  headerRecord,
  littleEndian,
  sha1Record,
  specIdEvent,
  startupLocalityEvent,
} from '#test/lab/event-log-builder.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { vectorBytes } from '#test/lab/vectors.ts';
import { MAX_EVENT_LOG_SIZE, NO_PCR, parseEventLog } from '#tpm2/event-log.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const SHA1 = 0x0004;
const SHA256 = 0x000b;
const SHA384 = 0x000c;
const SM3 = 0x0012;
const SHA3 = 0x0027;

const EVENT = { pcr: 0, type: EVENT_TYPE.sCrtmVersion, data: utf8('1.0') };
const RECORD = eventRecord(EVENT, ['sha256']);
const HEADER = headerRecord(specIdEvent([[SHA256, 32]]));

/** A log of one event after the given header. */
const withHeader = (specId: Uint8Array) => concatBytes(headerRecord(specId), RECORD);

describe('parseEventLog', () => {
  test('reads events with every bank that the header names', () => {
    const log = parseEventLog(
      eventLog([EVENT, { ...EVENT, pcr: 23, type: EVENT_TYPE.ipl }], ['sha1', 'sha256', 'sha384', 'sha512']),
    );
    expect(log).toMatchObject({
      kind: 'crypto-agile',
      startupLocality: undefined,
      specId: { platformClass: 0, specVersion: { major: 2, minor: 0, errata: 0 } },
      events: [
        { pcr: 0, unverifiedType: EVENT_TYPE.sCrtmVersion },
        { pcr: 23, unverifiedType: EVENT_TYPE.ipl },
      ],
    });
    const [event] = log.events;
    expect(Object.entries(event?.digests ?? {}).map(([bank, value]) => [bank, value.byteLength])).toEqual([
      ['sha1', 20],
      ['sha256', 32],
      ['sha384', 48],
      ['sha512', 64],
    ]);
    expect(Buffer.from(event?.unverifiedData ?? []).toString()).toBe('1.0');
  });

  test('keeps a bank that it does not compute out of an event', () => {
    const specId = specIdEvent([
      [SM3, 32],
      [SHA256, 32],
    ]);
    const digests = [
      [SM3, new Uint8Array(32)],
      [SHA256, new Uint8Array(32)],
    ] as const;
    const log = parseEventLog(concatBytes(headerRecord(specId), eventRecord({ ...EVENT, digests }, [])));
    expect(Object.keys(log.events[0]?.digests ?? {})).toEqual(['sha256']);
  });

  test('tells a legacy log from a crypto-agile one', () => {
    expect(parseEventLog(vectorBytes('event-logs/debian-10.bin'))).toMatchObject({ kind: 'legacy-sha1' });
    const short = parseEventLog(vectorBytes('event-logs/short_no_action_eventlog.bin'));
    expect(short).toMatchObject({ kind: 'legacy-sha1', startupLocality: 3 });
    expect(parseEventLog(concatBytes(sha1Record(EVENT), sha1Record(EVENT)))).toMatchObject({ kind: 'legacy-sha1' });
  });

  test('takes a first event for a header only by its type and its signature', () => {
    const specId = specIdEvent([[SHA256, 32]]);
    const first = (type: number, data: Uint8Array) =>
      parseEventLog(sha1Record({ pcr: 0, type, data }, new Uint8Array(20))).kind;
    expect(first(EVENT_TYPE.noAction, specId)).toBe('crypto-agile');
    expect(first(EVENT_TYPE.ipl, specId)).toBe('legacy-sha1');
    expect(first(EVENT_TYPE.noAction, specId.subarray(0, 15))).toBe('legacy-sha1');
    expect(formatCode(() => first(EVENT_TYPE.noAction, specId.subarray(0, 16)))).toBe('truncated');
  });

  test('says where in the whole log a fault of its header is', () => {
    const bytes = headerRecord(specIdEvent([[SHA256, 32]], { major: 3 }));
    // 32 bytes stand before the event's data, and its fault is in the eight after the signature.
    expect(() => parseEventLog(bytes)).toThrow(expect.objectContaining({ code: 'bad-value', offset: 32 + 16 + 8 }));
  });

  test('ends a log whose last record is cut, and one that is empty', () => {
    const whole = concatBytes(HEADER, RECORD);
    expect(formatCode(() => parseEventLog(whole))).toBe('accepted');
    for (let length = 0; length < whole.byteLength; length++) {
      const code = formatCode(() => parseEventLog(whole.subarray(0, length)));
      expect(code).toBe(length === HEADER.byteLength ? 'accepted' : 'truncated');
    }
  });

  test.each([
    ['a log as it is', withHeader(specIdEvent([[SHA256, 32]])), 'accepted'],
    ['32-bit firmware', withHeader(specIdEvent([[SHA256, 32]], { uintnSize: 1 })), 'accepted'],
    ['vendor information', withHeader(specIdEvent([[SHA256, 32]], { vendorInfo: utf8('abc') })), 'accepted'],
    [
      'a bank of unknown size',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [0x7777, 40],
        ]),
      ),
      'accepted',
    ],
    ['another major version', withHeader(specIdEvent([[SHA256, 32]], { major: 3 })), 'bad-value'],
    ['another UINTN size', withHeader(specIdEvent([[SHA256, 32]], { uintnSize: 3 })), 'bad-value'],
    ['no algorithm', withHeader(specIdEvent([])), 'count-out-of-range'],
    ['no algorithm, and no event', headerRecord(specIdEvent([])), 'count-out-of-range'],
    [
      'more algorithms than there are',
      withHeader(specIdEvent(Array.from({ length: 17 }, (_, i) => [i + 0x100, 32] as const))),
      'count-out-of-range',
    ],
    [
      'an algorithm twice',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [SHA256, 32],
        ]),
      ),
      'bad-value',
    ],
    ['a wrong SHA-1 size', withHeader(specIdEvent([[SHA1, 32]])), 'bad-value'],
    ['a wrong SHA-256 size', withHeader(specIdEvent([[SHA256, 20]])), 'bad-value'],
    ['a wrong SHA-384 size', withHeader(specIdEvent([[SHA384, 32]])), 'bad-value'],
    [
      'a wrong SM3 size',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [SM3, 31],
        ]),
      ),
      'bad-value',
    ],
    [
      'a wrong SHA3-256 size',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [SHA3, 48],
        ]),
      ),
      'bad-value',
    ],
    [
      'a wrong SHA3-384 size',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [0x0028, 32],
        ]),
      ),
      'bad-value',
    ],
    [
      'a wrong SHA3-512 size',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [0x0029, 32],
        ]),
      ),
      'bad-value',
    ],
    [
      'as many algorithms as there are',
      withHeader(specIdEvent([[SHA256, 32], ...Array.from({ length: 15 }, (_, i) => [i + 0x100, 32] as const)])),
      'accepted',
    ],
    [
      'a header with a digest that has one zero',
      concatBytes(
        sha1Record(
          { pcr: 0, type: 3, data: specIdEvent([[SHA256, 32]]) },
          concatBytes(new Uint8Array(1), new Uint8Array(19).fill(1)),
        ),
        RECORD,
      ),
      'bad-value',
    ],
    [
      'an empty digest',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [0x7777, 0],
        ]),
      ),
      'bad-value',
    ],
    [
      'a digest larger than any',
      withHeader(
        specIdEvent([
          [SHA256, 32],
          [0x7777, 65],
        ]),
      ),
      'bad-value',
    ],
    [
      'something after the vendor information',
      withHeader(concatBytes(specIdEvent([[SHA256, 32]]), Buffer.of(0))),
      'trailing-bytes',
    ],
    [
      '2^32-1 algorithms',
      withHeader(concatBytes(specIdEvent([]).subarray(0, 24), fromHex('ffffffff00'))),
      'count-out-of-range',
    ],
    ['vendor information outside the event', vectorBytes('event-logs/specid-vendordata.bin'), 'truncated'],
    [
      'a header for another PCR',
      concatBytes(sha1Record({ pcr: 1, type: 3, data: specIdEvent([[SHA256, 32]]) }, new Uint8Array(20)), RECORD),
      'bad-value',
    ],
    [
      'a header with a digest',
      concatBytes(sha1Record({ pcr: 0, type: 3, data: specIdEvent([[SHA256, 32]]) }), RECORD),
      'bad-value',
    ],
    ['keylime’s bogus log', vectorBytes('event-logs/binary_bios_measurements-bogus.bin'), 'truncated'],
  ])('checks the header: %s', (_what, bytes, code) => {
    expect(formatCode(() => parseEventLog(bytes))).toBe(code);
  });

  const digest32 = new Uint8Array(32);
  test.each([
    ['an event as it is', {}, 'accepted'],
    ['PCR 23', { pcr: 23 }, 'accepted'],
    ['PCR 24', { pcr: 24 }, 'bad-value'],
    ['PCR 0x80000000', { pcr: 0x80000000 }, 'bad-value'],
    ['no PCR', { pcr: NO_PCR }, 'bad-value'],
    ['no PCR and no action', { pcr: NO_PCR, type: EVENT_TYPE.noAction }, 'accepted'],
    ['PCR 24 and no action', { pcr: 24, type: EVENT_TYPE.noAction }, 'bad-value'],
    ['no digest', { digests: [] }, 'accepted'],
    [
      'a digest of an algorithm that the header does not name',
      { digests: [[SHA384, new Uint8Array(48)]] },
      'unknown-selector',
    ],
    [
      'a digest twice',
      {
        digests: [
          [SHA256, digest32],
          [SHA256, digest32],
        ],
      },
      'bad-value',
    ],
    [
      'more digests than algorithms',
      {
        digests: [
          [SHA256, digest32],
          [SHA256, digest32],
          [SHA256, digest32],
        ],
      },
      'count-out-of-range',
    ],
    ['data of 256 KiB', { data: new Uint8Array(256 << 10) }, 'accepted'],
    ['data of a byte more', { data: new Uint8Array((256 << 10) + 1) }, 'size-out-of-range'],
  ] as const)('checks an event: %s', (_what, override, code) => {
    const header = headerRecord(
      specIdEvent([
        [SHA256, 32],
        [SM3, 32],
      ]),
    );
    const bytes = concatBytes(header, eventRecord({ ...EVENT, ...override }, ['sha256']));
    expect(formatCode(() => parseEventLog(bytes))).toBe(code);
  });

  test.each([
    ['a PCR that does not exist', { pcr: 24 }, 'bad-value'],
    ['no PCR and no action', { pcr: NO_PCR, type: EVENT_TYPE.noAction }, 'accepted'],
    ['no PCR', { pcr: NO_PCR }, 'bad-value'],
    ['too much data', { data: new Uint8Array((256 << 10) + 1) }, 'size-out-of-range'],
  ])('checks an event of a legacy log: %s', (_what, override, code) => {
    expect(formatCode(() => parseEventLog(concatBytes(sha1Record(EVENT), sha1Record({ ...EVENT, ...override }))))).toBe(
      code,
    );
  });

  test.each([
    [
      'a digest count of 2^32-1',
      concatBytes(HEADER, littleEndian(0, 4), littleEndian(8, 4), fromHex('ffffffff')),
      'count-out-of-range',
    ],
    [
      'a data size of 2^32-1',
      concatBytes(HEADER, littleEndian(0, 4), littleEndian(8, 4), littleEndian(0, 4), fromHex('ffffffff')),
      'truncated',
    ],
    [
      'the largest log',
      concatBytes(HEADER, new Uint8Array(MAX_EVENT_LOG_SIZE - HEADER.byteLength)),
      'count-out-of-range',
    ],
    [
      'a byte more',
      concatBytes(HEADER, new Uint8Array(MAX_EVENT_LOG_SIZE - HEADER.byteLength + 1)),
      'size-out-of-range',
    ],
    ['10,000 events', concatBytes(HEADER, new Uint8Array(16 * 10_000)), 'accepted'],
    ['an event more', concatBytes(HEADER, new Uint8Array(16 * 10_001)), 'count-out-of-range'],
  ])('is bounded: %s', (_what, bytes, code) => {
    expect(formatCode(() => parseEventLog(bytes))).toBe(code);
  });

  const locality = startupLocalityEvent(3);
  const version = eventRecord(EVENT, ['sha256']);
  const stated = (event = locality) => eventRecord(event, ['sha256']);
  test.each([
    ['none', concatBytes(HEADER, version), undefined, 'accepted'],
    ['3', concatBytes(HEADER, stated(), version), 3, 'accepted'],
    ['0', concatBytes(HEADER, stated(startupLocalityEvent(0))), 0, 'accepted'],
    ['4', concatBytes(HEADER, stated(startupLocalityEvent(4))), 4, 'accepted'],
    [
      'after an extend of another PCR',
      concatBytes(HEADER, eventRecord({ ...EVENT, pcr: 7 }, ['sha256']), stated()),
      3,
      'accepted',
    ],
    ['after an extend of PCR 0', concatBytes(HEADER, version, stated()), undefined, 'bad-value'],
    ['twice', concatBytes(HEADER, stated(), stated()), undefined, 'bad-value'],
    ['1', concatBytes(HEADER, stated(startupLocalityEvent(1))), undefined, 'bad-value'],
    ['7', concatBytes(HEADER, stated(startupLocalityEvent(7))), undefined, 'bad-value'],
    ['for another PCR', concatBytes(HEADER, stated({ ...locality, pcr: 1 })), undefined, 'bad-value'],
    [
      'without a value',
      concatBytes(HEADER, stated({ ...locality, data: locality.data.subarray(0, 16) })),
      undefined,
      'bad-value',
    ],
    [
      'with a byte too many',
      concatBytes(HEADER, stated({ ...locality, data: concatBytes(locality.data, Buffer.of(0)) })),
      undefined,
      'bad-value',
    ],
    [
      'in another kind of event',
      concatBytes(HEADER, stated({ ...locality, type: EVENT_TYPE.action })),
      undefined,
      'accepted',
    ],
  ])('takes the startup locality: %s', (_what, bytes, expected, code) => {
    let found: number | undefined;
    const parse = () => (found = parseEventLog(bytes).startupLocality);
    expect(formatCode(parse)).toBe(code);
    expect(found).toBe(expected);
  });

  test('says where in the log a startup locality is wrong', () => {
    const bytes = concatBytes(HEADER, version, stated());
    const at = bytes.byteLength - 17;
    expect(() => parseEventLog(concatBytes(Buffer.of(0), bytes).subarray(1))).toThrow(
      expect.objectContaining({ offset: at }),
    );
  });
});
