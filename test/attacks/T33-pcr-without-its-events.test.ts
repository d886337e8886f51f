import { describe, expect, test } from 'vitest';

import { bootLogInput, GOOD_BOOT, LOG_PCRS, logVerdict, quotedAfter } from '#test/lab/boot-log.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { parseEventLog } from '#tpm2/event-log.ts';
import { eventLog } from '#test/lab/event-log-builder.ts';
import { algOfHash } from '#tpm2/constants.ts';

describe('T33 every event of one PCR dropped', () => {
  const quotedPcrs = quotedAfter(GOOD_BOOT);

  test.each([...new Set(GOOD_BOOT.map(({ pcr }) => pcr))])(
    'PCR %d is not verified by a log that says nothing of it',
    (pcr) => {
      const rest = GOOD_BOOT.filter((event) => event.pcr !== pcr);
      expect(logVerdict(bootLogInput(rest, { quotedPcrs }))).toEqual([`event-log-replay-mismatch ${pcr}`]);
    },
  );

  test('a PCR that nothing extended needs no events', () => {
    expect(GOOD_BOOT.some(({ pcr }) => pcr === 11)).toBe(false);
    expect(logVerdict(bootLogInput(GOOD_BOOT, { quotedPcrs, policyPcrs: LOG_PCRS }))).toBe('accepted');
  });

  test('PCR 7 of a real boot', () => {
    const { sha256 } = vectorJson<{ sha256: Record<string, string> }>('ovmf-debian12/good.pcrs.json');
    const real = new Map(Object.entries(sha256).map(([pcr, value]) => [Number(pcr), value]));
    const log = vectorBytes('ovmf-debian12/good.evl');
    const policyPcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const input = { log, bank: 'sha256', policyPcrs, quotedPcrs: real } as const;
    expect(logVerdict(input)).toBe('accepted');
    const events = parseEventLog(log)
      .events.filter(({ pcr }) => pcr !== 7)
      .map(({ pcr, unverifiedType, unverifiedData, digests: { sha256: value = new Uint8Array(32) } }) => ({
        pcr,
        type: unverifiedType,
        data: unverifiedData,
        digests: [[algOfHash('sha256'), value] as const],
      }));
    expect(logVerdict({ ...input, log: eventLog(events) })).toEqual(['event-log-replay-mismatch 7']);
  });
});
