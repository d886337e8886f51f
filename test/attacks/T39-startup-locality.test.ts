import { describe, expect, test } from 'vitest';

import { concatBytes, utf8 } from '#core/bytes.ts';
import { bootLogInput, GOOD_BOOT, logVerdict, quotedAfter } from '#test/lab/boot-log.ts';
import { type BuiltEvent, startupLocalityEvent } from '#test/lab/event-log-builder.ts';

describe('T39 the startup locality of PCR 0', () => {
  const shown = (events: readonly BuiltEvent[], locality = 3) =>
    logVerdict(bootLogInput(events, { quotedPcrs: quotedAfter(GOOD_BOOT, { locality }) }));
  const three = startupLocalityEvent(3);
  const [first] = GOOD_BOOT;
  if (first === undefined) throw new Error('an event');

  test.each([0, 3, 4])('%d, stated before PCR 0 is extended, is accepted', (locality) => {
    expect(shown([startupLocalityEvent(locality), ...GOOD_BOOT], locality)).toBe('accepted');
  });

  test.each([1, 2, 5, 7, 255])('%d is refused', (locality) => {
    expect(shown([startupLocalityEvent(locality), ...GOOD_BOOT], locality)).toEqual(['event-log-locality']);
  });

  test.each([
    ['after PCR 0 was extended', [first, three, ...GOOD_BOOT.slice(1)]],
    ['at the end', [...GOOD_BOOT, three]],
    ['twice', [three, three, ...GOOD_BOOT]],
    ['twice, differently', [startupLocalityEvent(0), three, ...GOOD_BOOT]],
    ['of another PCR', [{ ...three, pcr: 1 }, ...GOOD_BOOT]],
    ['with a byte more', [{ ...three, data: concatBytes(three.data, Buffer.of(0)) }, ...GOOD_BOOT]],
    ['without its byte', [{ ...three, data: utf8('StartupLocality\0') }, ...GOOD_BOOT]],
  ])('stated %s, is refused', (_what, events) => {
    expect(shown(events)).toEqual(['event-log-locality']);
  });

  test('that is not the TPM’s, or not stated, gives another PCR 0', () => {
    expect(shown([startupLocalityEvent(4), ...GOOD_BOOT], 3)).toEqual(['event-log-replay-mismatch 0']);
    expect(shown(GOOD_BOOT, 3)).toEqual(['event-log-replay-mismatch 0']);
    expect(shown([three, ...GOOD_BOOT], 0)).toEqual(['event-log-replay-mismatch 0']);
  });
});
