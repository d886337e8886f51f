import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, utf8 } from '#core/bytes.ts';
import { bootLogInput, config, EFI, GOOD_BOOT, logVerdict, measured, signatureList } from '#test/lab/boot-log.ts';
import { type BuiltEvent, eventLog, headerRecord, littleEndian, specIdEvent } from '#test/lab/event-log-builder.ts';
import { claimedImagePath } from '#tpm2/event-log/image-load.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const SHA256 = 0x000b;
const MANY = 0xffffffff;
const HEADER = headerRecord(specIdEvent([[SHA256, 32]]));
const number = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const record = (pcr: number, count: number, size: number, data: Uint8Array = new Uint8Array()) =>
  concatBytes(
    number(pcr),
    number(EVENT_TYPE.sCrtmVersion),
    number(count),
    littleEndian(SHA256, 2),
    new Uint8Array(32),
    number(size),
    data,
  );

const LIMIT_MS = 50;
const LIMIT_BYTES = 50 << 20;

/** The verdict on a log, reached within the time and memory that any log may take. */
function boundedVerdict(log: Uint8Array): readonly string[] | 'accepted' {
  const input = bootLogInput(GOOD_BOOT, { log });
  logVerdict(input);
  const before = process.memoryUsage();
  const started = performance.now();
  const verdict = logVerdict(input);
  const ms = performance.now() - started;
  const after = process.memoryUsage();
  expect(ms).toBeLessThan(LIMIT_MS);
  expect(after.arrayBuffers + after.external - before.arrayBuffers - before.external).toBeLessThan(LIMIT_BYTES);
  return verdict;
}

describe('T41 an event log that lies about its sizes', () => {
  test('one that does not, is accepted as fast', () => {
    expect(boundedVerdict(eventLog(GOOD_BOOT, ['sha256', 'sha384']))).toBe('accepted');
  });

  test.each([
    ['an event of 2^32−1 bytes', concatBytes(HEADER, record(0, 1, MANY))],
    ['an event a byte longer than the log', concatBytes(HEADER, record(0, 1, 3, fromHex('0000')))],
    ['2^32−1 digests', concatBytes(HEADER, record(0, MANY, 0))],
    ['2^31 digests', concatBytes(HEADER, record(0, 0x80000000, 0))],
    [
      '2^32−1 algorithms',
      concatBytes(headerRecord(concatBytes(specIdEvent([]).subarray(0, 24), number(MANY))), record(0, 1, 0)),
    ],
    ['a header of 2^32−1 bytes', concatBytes(HEADER.subarray(0, 28), number(MANY), HEADER.subarray(32))],
    ['PCR 2^31', concatBytes(HEADER, record(0x80000000, 1, 0))],
    ['PCR 24', concatBytes(HEADER, record(24, 1, 0))],
    ['PCR 2^32−1 that is extended', concatBytes(HEADER, record(MANY, 1, 0))],
    ['more than a megabyte', new Uint8Array((1 << 20) + 1)],
    [
      'an event of more than 256 KiB',
      concatBytes(HEADER, record(0, 1, (256 << 10) + 1, new Uint8Array((256 << 10) + 1))),
    ],
    ['more than 10,000 events', concatBytes(HEADER, ...Array.from({ length: 10_001 }, () => record(0, 1, 0)))],
  ])('%s, is malformed', (_what, log) => {
    expect(boundedVerdict(log)).toEqual(['event-log-malformed']);
  });

  const withEvent = (event: BuiltEvent) => {
    const events = GOOD_BOOT.toSpliced(-2, 0, event);
    return logVerdict(bootLogInput(events));
  };
  const withDbx = (bytes: Uint8Array) =>
    GOOD_BOOT.map((event) =>
      event.pcr === 7 && Buffer.from(event.data).includes('dbx', 0, 'utf16le')
        ? config(EFI.imageSecurity, 'dbx', bytes)
        : event,
    );
  const list = (type: Uint8Array, size: number, header: number, entry: number, rest: number) =>
    concatBytes(type, number(size), number(header), number(entry), new Uint8Array(rest));
  test.each([
    ['entries of size 0', list(EFI.sha256, 28 + 48, 0, 0, 48)],
    ['entries smaller than their owner', list(EFI.sha256, 28 + 15, 0, 15, 15)],
    ['entries of 2^32−1 bytes', list(EFI.x509, 28 + 48, 0, MANY, 48)],
    ['a list of size 0', list(EFI.sha256, 0, 0, 48, 48)],
    ['a list of 2^32−1 bytes', list(EFI.sha256, MANY, 0, 48, 48)],
    ['a header of 2^32−1 bytes', list(EFI.sha256, 28 + 48, MANY, 48, 48)],
  ])('a signature list with %s is malformed', (_what, bytes) => {
    expect(logVerdict(bootLogInput(withDbx(bytes)))).toEqual(['event-log-malformed']);
  });

  test('thousands of lists or device path nodes one after the other take no stack', () => {
    const lists = concatBytes(...Array.from({ length: 3_000 }, () => signatureList(EFI.sha256, [new Uint8Array(32)])));
    expect(logVerdict(bootLogInput(withDbx(lists)))).toBe('accepted');
    const nodes = Buffer.alloc(4 * 60_000, fromHex('01010400'));
    const path = concatBytes(new Uint8Array(24), littleEndian(nodes.byteLength, 8), nodes);
    expect(claimedImagePath(path)).toBeUndefined();
    expect(withEvent(measured(4, EVENT_TYPE.efiBootServicesApplication, path, utf8('x')))).toBe('accepted');
  });

  test('a variable with lengths of 64 bits is malformed', () => {
    const data = concatBytes(EFI.owner, fromHex('ffffffffffffffff'), fromHex('ffffffffffffffff'));
    expect(withEvent(measured(1, EVENT_TYPE.efiVariableBoot, data))).toEqual(['event-log-malformed']);
  });
});
