import { deepEqual, ok } from 'node:assert/strict';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex } from '#core/bytes.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import { hostileBytes } from '#test/lab/mutate.ts';
import { vectorBytes } from '#test/lab/vectors.ts';
import { parseEventLog } from '#tpm2/event-log.ts';
import { replayEventLog } from '#tpm2/event-log/replay.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { parseImaLog } from '#tpm2/ima-log.ts';
import { provenPrefix } from '#tpm2/ima-log/replay.ts';
import { parseImaSignature } from '#tpm2/ima-log/signature.ts';
import { PcrRegister } from '#tpm2/pcr-register.ts';

/** Far above what the slowest input takes, far below what a hang would. */
const SLOW_MS = 1_000;

const EVENT_LOGS = ['event-sd-boot-fedora37.bin', 'event-uefivar.bin', 'short_no_action_eventlog.bin'].map((file) =>
  vectorBytes(`event-logs/${file}`),
);
/** Where the list goes on after its record of the legacy template, which no other follows. */
const AFTER_LEGACY = 485;
const IMA_LOGS = [vectorBytes('generated-ima/ok.bin'), vectorBytes('ibmtss/imatest.log').subarray(AFTER_LEGACY)];

/** True if, for every input tried, `check` returned in time or threw a format error. */
function holdsFor(seeds: readonly Uint8Array[], check: (bytes: Uint8Array) => void): boolean {
  const property = fc.property(hostileBytes(seeds), (bytes) => {
    const started = performance.now();
    try {
      check(bytes);
    } catch (error) {
      if (!(error instanceof Tpm2FormatError)) throw error;
    }
    ok(performance.now() - started < SLOW_MS);
  });
  fc.assert(property, { numRuns: FUZZ_RUNS });
  return true;
}

test('the logs that hostile ones are made from are good', () => {
  expect(EVENT_LOGS.map((log) => parseEventLog(log).events.length)).toEqual([27, 1, 1]);
  expect(IMA_LOGS.map((log) => parseImaLog(log).length)).toEqual([8, 10]);
});

describe('hostile bytes', () => {
  test('as an event log throw a format error, or are replayed', () => {
    const held = holdsFor(EVENT_LOGS, (bytes) => {
      const log = parseEventLog(bytes);
      const size = log.events.reduce((sum, { unverifiedData }) => sum + unverifiedData.byteLength, 0);
      ok(size <= bytes.byteLength);
      const values = replayEventLog(log, 'sha256');
      ok([...values].every(([pcr, value]) => pcr < 24 && (value === 'digest-missing' || value.byteLength === 32)));
    });
    expect(held).toBe(true);
  });

  test('as an IMA list throw a format error, or are replayed', () => {
    const held = holdsFor(IMA_LOGS, (bytes) => {
      const records = parseImaLog(bytes);
      const count = provenPrefix(records, { bank: 'sha256', quoted: new Uint8Array(32).fill(7) });
      deepEqual(count, undefined);
    });
    expect(held).toBe(true);
  });

  test('as a file signature throw a format error', () => {
    const held = holdsFor([fromHex('030204112233440002abcd')], (bytes) => {
      ok(parseImaSignature(bytes).signature.byteLength === bytes.byteLength - 9);
    });
    expect(held).toBe(true);
  });
});

test('extending a PCR is hashing value and digest, for any of them', () => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const property = fc.property(bytes32, fc.array(bytes32, { maxLength: 4 }), (start, digests) => {
    const register = new PcrRegister('sha256', start);
    for (const digest of digests) register.extend(digest);
    ok(register.equals(register.value()));
    ok(!register.equals(concatBytes(register.value(), Buffer.of(0))));
    deepEqual(register.equals(start), digests.length === 0);
  });
  expect(() => fc.assert(property, { numRuns: FUZZ_RUNS })).not.toThrow();
});
