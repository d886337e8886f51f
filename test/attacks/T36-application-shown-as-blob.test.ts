import { describe, expect, test } from 'vitest';

import { bootLogInput, GOOD_BOOT, image, logVerdict, measured } from '#test/lab/boot-log.ts';
import { bootVerdict } from '#test/lab/boot-policy.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;

describe('T36 a boot application shown as something else', () => {
  const boot = GOOD_BOOT.toSpliced(-2, 0, image('evil'));
  const at = boot.length - 3;
  const shownAs = (type: number) => boot.map((event, place) => (place === at ? { ...event, type } : event));

  test('as it is, is refused by the policy alone', () => {
    expect(bootVerdict(GOOD_BOOT)).toBe('accepted');
    expect(logVerdict(bootLogInput(boot))).toBe('accepted');
    expect(bootVerdict(boot)).toContain('boot-applications: boot-application-refused');
  });

  test.each([
    ['a blob of the firmware', T.efiPlatformFirmwareBlob, ['event-log-grammar 4']],
    ['a blob of the second form', T.efiPlatformFirmwareBlob2, ['event-log-grammar 4']],
    ['tables', T.efiHandoffTables, ['event-log-grammar 4']],
    ['a part of the firmware', T.sCrtmContents, ['event-log-grammar 4']],
    ['a tag', T.eventTag, ['event-log-grammar 4']],
    ['a POST code', T.postCode, ['event-log-grammar 4']],
    ['an action', T.efiAction, ['event-log-digest-mismatch 4']],
    ['a line of text', T.action, ['event-log-digest-mismatch 4']],
    ['a separator', T.separator, ['event-log-digest-mismatch 4']],
    ['nothing that extends', T.noAction, ['event-log-replay-mismatch 4']],
  ])('as %s, is refused', (_what, type, expected) => {
    const input = bootLogInput(shownAs(type), { quotedPcrs: bootLogInput(boot).quotedPcrs });
    expect(logVerdict(input)).toEqual(expected);
  });

  test.each([T.efiBootServicesDriver, T.efiRuntimeServicesDriver, T.ipl, T.compactHash])(
    'as another image (0x%s), is still one',
    (type) => {
      expect(bootVerdict(shownAs(type))).toContain('boot-applications: boot-application-refused');
    },
  );

  test('boot code that its event shows whole is no line of text', () => {
    const code = Buffer.from('fa33c08ed0bc007c', 'hex');
    const bios = GOOD_BOOT.toSpliced(-2, 0, measured(4, T.action, code));
    expect(logVerdict(bootLogInput(bios))).toEqual(['event-log-grammar 4']);
  });
});
