import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import {
  action,
  authority,
  bootLogInput,
  config,
  EFI,
  CERT,
  GOOD_BOOT,
  image,
  logVerdict,
  measured,
  quotedAfter,
  SECURE_BOOT_VARIABLES,
  separator,
} from '#test/lab/boot-log.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const EV_UNUSED = 2;

// No digest covers an event's type. A machine booted without Secure Boot; its owner then extends what a good boot would have measured, and
// shows the events of the real boot under a type that a lenient verifier skips.
describe('T35 real events hidden under another type, and good ones appended', () => {
  const off = config(EFI.global, 'SecureBoot', Buffer.of(0));
  const bad: readonly BuiltEvent[] = GOOD_BOOT.map((event) => (event === SECURE_BOOT_VARIABLES[0] ? off : event));
  const ofPcr = (pcr: number) => GOOD_BOOT.filter((event) => event.pcr === pcr);
  const quotedPcrs = quotedAfter([...bad, ...ofPcr(7)]);
  const shown = (type: number, change: (event: BuiltEvent) => BuiltEvent = (event) => event) => {
    const hidden = bad.map((event) => (event.pcr === 7 ? change({ ...event, type }) : event));
    return logVerdict(bootLogInput([...hidden, ...ofPcr(7)], { quotedPcrs }));
  };

  test('a good boot is accepted', () => {
    expect(logVerdict(bootLogInput(GOOD_BOOT))).toBe('accepted');
  });

  test('the log with both, as they were, is refused', () => {
    expect(logVerdict(bootLogInput([...bad, ...ofPcr(7)]))).toContain('event-log-grammar 7');
  });

  test.each([
    ['EV_UNUSED', EV_UNUSED, ['event-log-grammar 7']],
    ['a type of no specification', 0x40e, ['event-log-grammar 7']],
    ['a blob of the firmware', EVENT_TYPE.efiPlatformFirmwareBlob, ['event-log-grammar 7']],
    ['a driver', EVENT_TYPE.efiBootServicesDriver, ['event-log-grammar 7']],
    ['EV_NO_ACTION, which extends nothing', EVENT_TYPE.noAction, ['event-log-replay-mismatch 7']],
    ['an action', EVENT_TYPE.efiAction, ['event-log-grammar 7']],
    ['an authority', EVENT_TYPE.efiVariableAuthority, ['event-log-grammar 7']],
  ])('as %s they are refused', (_what, type, expected) => {
    expect(shown(type)).toEqual(expected);
  });

  test('so they are with other data', () => {
    const renamed = (event: BuiltEvent) => ({ ...event, data: utf8('Setup') });
    expect(shown(EVENT_TYPE.efiVariableDriverConfig, renamed)).toEqual(['event-log-digest-mismatch 7']);
  });

  // What is appended comes after the real separator, which cannot be taken for anything else.
  test('a separator under another type is refused', () => {
    const disguised = { ...separator(7), type: EVENT_TYPE.efiAction };
    const at = bad.findIndex(({ pcr, type }) => pcr === 7 && type === EVENT_TYPE.separator);
    const log = [...bad.with(at, disguised), separator(7)];
    expect(logVerdict(bootLogInput(log))).toContain('event-log-grammar 7');
  });

  test('in PCRs 4 and 5, too', () => {
    for (const event of [image('evil'), action(4, 'Calling EFI Application from Boot Option')]) {
      expect(logVerdict(bootLogInput([{ ...event, type: EV_UNUSED }, ...GOOD_BOOT]))).toEqual(['event-log-grammar 4']);
    }
    expect(logVerdict(bootLogInput([measured(5, EV_UNUSED, utf8('x')), ...GOOD_BOOT]))).toEqual([
      'event-log-grammar 5',
    ]);
  });

  test('an authority appended alone is one more, and shows no other boot', () => {
    const appended = authority(EFI.shim, 'Shim', CERT.stranger);
    const log = [...GOOD_BOOT.slice(0, -2), appended, ...GOOD_BOOT.slice(-2)];
    expect(logVerdict(bootLogInput(log))).toBe('accepted');
    expect(logVerdict(bootLogInput([...GOOD_BOOT, appended]))).toEqual(['event-log-grammar 7']);
  });
});
