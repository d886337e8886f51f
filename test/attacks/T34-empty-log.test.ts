import { describe, expect, test } from 'vitest';

import { bootLogInput, GOOD_BOOT, LOG_PCRS, logVerdict, quotedAfter } from '#test/lab/boot-log.ts';
import { eventLog } from '#test/lab/event-log-builder.ts';

describe('T34 an empty event log', () => {
  const none = new Uint8Array();

  test('is refused, a good one is not', () => {
    expect(logVerdict(bootLogInput(GOOD_BOOT))).toBe('accepted');
    expect(logVerdict(bootLogInput(GOOD_BOOT, { log: none }))).toEqual(['event-log-empty']);
  });

  test('is refused even where nothing was extended', () => {
    expect(logVerdict(bootLogInput([], { log: none }))).toEqual(['event-log-empty']);
    expect(logVerdict(bootLogInput([], { log: none, policyPcrs: [] }))).toEqual(['event-log-empty']);
  });

  test('of a header alone proves none of the PCRs that were extended', () => {
    const log = eventLog([]);
    const extended = [...new Set(GOOD_BOOT.map(({ pcr }) => pcr))].toSorted((a, b) => a - b);
    expect(logVerdict(bootLogInput(GOOD_BOOT, { log }))).toEqual(
      extended.map((pcr) => `event-log-replay-mismatch ${pcr}`),
    );
  });

  test('of a header alone is no boot where nothing was extended either', () => {
    const log = eventLog([]);
    expect(logVerdict(bootLogInput([], { log, quotedPcrs: quotedAfter([]), policyPcrs: LOG_PCRS }))).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => `event-log-grammar ${pcr}`),
    );
  });
});
