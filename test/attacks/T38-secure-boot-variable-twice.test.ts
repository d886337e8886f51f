import { describe, expect, test } from 'vitest';

import {
  bootLogInput,
  config,
  EFI,
  GOOD_BOOT,
  logVerdict,
  quotedAfter,
  SECURE_BOOT_VARIABLES,
  separator,
} from '#test/lab/boot-log.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

// The later event would win with a verifier that keeps the last value, the earlier with one that keeps the first.
describe('T38 a Secure Boot variable measured twice, or late, or two separators', () => {
  const on = config(EFI.global, 'SecureBoot', Buffer.of(1));
  const off = config(EFI.global, 'SecureBoot', Buffer.of(0));
  const at = GOOD_BOOT.findIndex(({ pcr, type }) => pcr === 7 && type === EVENT_TYPE.separator);
  const first = GOOD_BOOT.findIndex((event) => event === SECURE_BOOT_VARIABLES[0]);
  const verdictOf = (events: readonly BuiltEvent[]) => logVerdict(bootLogInput(events));

  test('once, in its place, is accepted', () => {
    expect(verdictOf(GOOD_BOOT)).toBe('accepted');
  });

  test.each([
    ['twice in a row', GOOD_BOOT.toSpliced(first, 0, off)],
    ['on, then off', GOOD_BOOT.toSpliced(first + 1, 0, off)],
    ['off, and on at the end', GOOD_BOOT.with(first, off).toSpliced(at, 0, on)],
    ['off, and on after the separator', GOOD_BOOT.with(first, off).toSpliced(at + 1, 0, on)],
    ['after the separator alone', GOOD_BOOT.toSpliced(at + 1, 0, on).toSpliced(first, 1)],
    ['the whole sequence after the separator', GOOD_BOOT.toSpliced(at + 1, 0, ...SECURE_BOOT_VARIABLES)],
    ['two separators', GOOD_BOOT.toSpliced(at, 0, separator(7))],
    ['two separators of different kinds', GOOD_BOOT.toSpliced(at, 0, separator(7, 'ffffffff'))],
    ['no separator', GOOD_BOOT.toSpliced(at, 1)],
  ])('%s, is refused', (_what, events) => {
    expect(verdictOf(events)).toEqual(['event-log-grammar 7']);
  });

  // As an AMD system measured it whose firmware started twice over.
  test('every event of the firmware twice, is refused for each of its PCRs', () => {
    const firmware = GOOD_BOOT.slice(
      0,
      GOOD_BOOT.findIndex(({ type }) => type === EVENT_TYPE.efiVariableAuthority),
    );
    const events = [...firmware, ...GOOD_BOOT];
    expect(logVerdict(bootLogInput(events, { quotedPcrs: quotedAfter(events) }))).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => `event-log-grammar ${pcr}`),
    );
  });
});
