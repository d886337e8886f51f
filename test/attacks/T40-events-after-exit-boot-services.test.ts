import { describe, expect, test } from 'vitest';

import { concatBytes, utf8 } from '#core/bytes.ts';
import {
  action,
  authority,
  bootLogInput,
  CERT,
  config,
  EFI,
  GOOD_BOOT,
  grub,
  image,
  logVerdict,
  measured,
  named,
} from '#test/lab/boot-log.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

describe('T40 events in PCRs 0 to 7 after ExitBootServices', () => {
  const INVOKED = action(5, 'Exit Boot Services Invocation');
  const FAILED = action(5, 'Exit Boot Services Returned with Failure');
  const SUCCEEDED = action(5, 'Exit Boot Services Returned with Success');

  test('none, is accepted', () => {
    expect(logVerdict(bootLogInput(GOOD_BOOT))).toBe('accepted');
  });

  test.each([
    ['an image', image('evil'), 4],
    ['an authority', authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, CERT.db)), 7],
    ['a variable', config(EFI.owner, 'Setup', Buffer.of(1), 1), 1],
    ['a part of the firmware', measured(0, EVENT_TYPE.sCrtmContents, utf8('x'), utf8('y')), 0],
    ['a partition table', measured(5, EVENT_TYPE.efiGptEvent, utf8('x')), 5],
    ['a boot option', action(5, 'Calling EFI Application from Boot Option'), 5],
    ['a maker’s digest', measured(6, EVENT_TYPE.compactHash, utf8('x')), 6],
  ])('%s, is refused, whether the boot services had ended or not', (_what, event, pcr) => {
    expect(logVerdict(bootLogInput([...GOOD_BOOT, event]))).toEqual([`event-log-grammar ${pcr}`]);
    expect(logVerdict(bootLogInput(GOOD_BOOT.toSpliced(-1, 0, event)))).toEqual([`event-log-grammar ${pcr}`]);
    expect(logVerdict(bootLogInput(GOOD_BOOT.toSpliced(-2, 0, event)))).toBe('accepted');
  });

  test('what the running system may measure, and further tries to leave, are accepted', () => {
    const later = [
      named(9, 'Linux initrd', utf8('initrd')),
      grub('grub_cmd: ', 'x=1'),
      named(14, 'MokListX2', utf8('x')),
    ];
    for (const event of later) expect(logVerdict(bootLogInput([...GOOD_BOOT, event]))).toBe('accepted');
    const retried = [...GOOD_BOOT.slice(0, -2), INVOKED, FAILED, INVOKED, SUCCEEDED];
    expect(logVerdict(bootLogInput(retried))).toBe('accepted');
  });
});
