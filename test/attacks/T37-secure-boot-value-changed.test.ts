import { describe, expect, test } from 'vitest';

import {
  bootLogInput,
  config,
  EFI,
  GOOD_BOOT,
  logVerdict,
  quotedAfter,
  SECURE_BOOT_VARIABLES,
  uefiVariable,
} from '#test/lab/boot-log.ts';
import { bootVerdict } from '#test/lab/boot-policy.ts';
import { vectorBytes } from '#test/lab/vectors.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';

describe('T37 SecureBoot=1 in the log, 0 in the TPM', () => {
  const off = config(EFI.global, 'SecureBoot', Buffer.of(0));
  const on = uefiVariable(EFI.global, 'SecureBoot', Buffer.of(1));
  const withFirst = (first: BuiltEvent) =>
    GOOD_BOOT.map((event) => (event === SECURE_BOOT_VARIABLES[0] ? first : event));
  const boot = withFirst(off);

  test('shown as it is, it is accepted as a log and refused by the policy', () => {
    expect(bootVerdict(GOOD_BOOT)).toBe('accepted');
    expect(bootVerdict(boot)).toEqual(['secure-boot: secure-boot-not-proven']);
  });

  test('shown as 1, with the digest that was measured, the data is not what was measured', () => {
    const shown = withFirst({ ...off, data: on });
    expect(logVerdict(bootLogInput(shown))).toEqual(['event-log-digest-mismatch 7']);
  });

  test('shown as 1 with its own digest, the replay is another', () => {
    expect(logVerdict(bootLogInput(GOOD_BOOT, { quotedPcrs: quotedAfter(boot) }))).toEqual([
      'event-log-replay-mismatch 7',
    ]);
  });

  test('every other variable is bound in the same way', () => {
    for (const event of GOOD_BOOT.filter(({ pcr, data }) => pcr === 7 && data.byteLength > 40)) {
      const data = Buffer.from(event.data);
      data[data.byteLength - 1] = (data.at(-1) ?? 0) ^ 1;
      const shown = GOOD_BOOT.map((other) => (other === event ? { ...event, data } : other));
      expect(logVerdict(bootLogInput(shown))).toEqual(['event-log-digest-mismatch 7']);
    }
  });

  test('in the log of a real machine', () => {
    const log = Buffer.from(vectorBytes('event-logs/glinux-alex.bin'));
    const name = Buffer.from('SecureBoot', 'utf16le');
    const at = log.indexOf(name) + name.byteLength;
    expect(log[at]).toBe(0);
    log[at] = 1;
    const pcr7 = JSON.parse(Buffer.from(vectorBytes('event-logs/replayed-pcrs.json')).toString());
    const quotedPcrs = new Map([[7, String(pcr7['google__go-eventlog/eventlogs/glinux-alex.bin'].pcrs.sha256['7'])]]);
    expect(logVerdict({ log, bank: 'sha256', policyPcrs: [7], quotedPcrs })).toEqual(['event-log-digest-mismatch 7']);
    log[at] = 0;
    expect(logVerdict({ log, bank: 'sha256', policyPcrs: [7], quotedPcrs })).toBe('accepted');
  });
});
