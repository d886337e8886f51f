import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import {
  action,
  bootLogInput,
  GOOD_BOOT,
  grub,
  image,
  LOG_PCRS,
  logCodes,
  logVerdict,
  measured,
  quotedAfter,
  separator,
  uefiVariable,
  EFI,
  verifiedBoot,
} from '#test/lab/boot-log.ts';
import { type BuiltEvent, eventLog, sha1Record, startupLocalityEvent } from '#test/lab/event-log-builder.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;

const verdictOf = (events: readonly BuiltEvent[]) => logVerdict(bootLogInput(events));
const without = (index: number): readonly BuiltEvent[] => GOOD_BOOT.toSpliced(index, 1);
/** A good boot with an event of another PCR or type after all others but ExitBootServices. */
const plus = (...events: readonly BuiltEvent[]): readonly BuiltEvent[] => GOOD_BOOT.toSpliced(-2, 0, ...events);
const indexOf = (pcr: number, type: number): number =>
  GOOD_BOOT.findIndex((event) => event.pcr === pcr && event.type === type);

describe('the replay of a log', () => {
  test('is what the quote says, in the policy’s bank', () => {
    for (const bank of ['sha256', 'sha384'] as const)
      expect(logVerdict(bootLogInput(GOOD_BOOT, { bank }))).toBe('accepted');
  });

  test.each(LOG_PCRS)('has to give the quoted value of PCR %d, with or without events', (pcr) => {
    const quotedPcrs = new Map(quotedAfter(GOOD_BOOT));
    quotedPcrs.set(pcr, '11'.repeat(32));
    expect(logVerdict(bootLogInput(GOOD_BOOT, { quotedPcrs }))).toEqual([`event-log-replay-mismatch ${pcr}`]);
    quotedPcrs.delete(pcr);
    expect(logVerdict(bootLogInput(GOOD_BOOT, { quotedPcrs }))).toEqual([`event-log-replay-mismatch ${pcr}`]);
    const policyPcrs = LOG_PCRS.filter((other) => other !== pcr);
    expect(logVerdict(bootLogInput(GOOD_BOOT, { quotedPcrs, policyPcrs }))).toBe('accepted');
  });

  test('says nothing of PCRs that no firmware log governs', () => {
    const quotedPcrs = new Map(quotedAfter(GOOD_BOOT)).set(10, '11'.repeat(32)).set(16, '22'.repeat(32));
    const outcome = verifyEventLog(bootLogInput(GOOD_BOOT, { quotedPcrs, policyPcrs: [...LOG_PCRS, 10, 16] }));
    expect(outcome.ok && [...outcome.log.pcrs]).toEqual(LOG_PCRS);
  });

  test('starts PCR 0 at the startup locality that the log states', () => {
    const log = [startupLocalityEvent(3), ...GOOD_BOOT];
    const quotedPcrs = quotedAfter(GOOD_BOOT, { locality: 3 });
    expect(logVerdict(bootLogInput(log, { quotedPcrs }))).toBe('accepted');
    expect(logVerdict(bootLogInput(log))).toEqual(['event-log-replay-mismatch 0']);
    expect(logVerdict(bootLogInput(GOOD_BOOT, { quotedPcrs }))).toEqual(['event-log-replay-mismatch 0']);
  });

  test('leaves EV_NO_ACTION out wherever it stands', () => {
    const noAction = measured(7, T.noAction, utf8('SP800-155 Event3'));
    expect(logVerdict(bootLogInput([noAction, ...plus(noAction)], { quotedPcrs: quotedAfter(GOOD_BOOT) }))).toBe(
      'accepted',
    );
  });
});

describe('the bank', () => {
  const legacy = concatBytes(...GOOD_BOOT.map((event) => sha1Record(event)));

  test('of a legacy log is SHA-1, which a policy for SHA-256 does not take', () => {
    expect(logVerdict(bootLogInput(GOOD_BOOT, { log: legacy }))).toEqual(['event-log-bank-missing']);
  });

  test('has to be one of the header’s', () => {
    const log = eventLog(
      GOOD_BOOT.map(({ pcr, type, data }) => ({ pcr, type, data })),
      ['sha1', 'sha384'],
    );
    expect(logVerdict(bootLogInput(GOOD_BOOT, { log }))).toEqual(['event-log-bank-missing']);
  });

  test('has to be in every event of a policy PCR', () => {
    const partly = GOOD_BOOT.map((event, at) =>
      at === 0 ? { ...event, digests: event.digests?.slice(1) ?? [] } : event,
    );
    const quotedPcrs = quotedAfter(GOOD_BOOT);
    expect(logVerdict(bootLogInput(partly, { quotedPcrs }))).toEqual(['event-log-bank-missing 0']);
    const policyPcrs = LOG_PCRS.filter((pcr) => pcr !== 0);
    expect(logVerdict(bootLogInput(partly, { quotedPcrs, policyPcrs }))).toBe('accepted');
  });
});

test('a log that is no log is malformed, and one without bytes is empty', () => {
  expect(logVerdict(bootLogInput(GOOD_BOOT, { log: new Uint8Array() }))).toEqual(['event-log-empty']);
  expect(logVerdict(bootLogInput(GOOD_BOOT, { log: fromHex('00') }))).toEqual(['event-log-malformed']);
});

describe('the type of an event', () => {
  const DATA = utf8('data');
  const variable = uefiVariable(EFI.owner, 'Setup', DATA);
  test.each([
    ['a driver in PCR 2', measured(2, T.efiBootServicesDriver, DATA, utf8('driver')), 'accepted'],
    ['a description in PCR 0', measured(0, T.nonhostInfo, DATA, utf8('other')), 'accepted'],
    ['a table in PCR 1', measured(1, T.platformConfigFlags, DATA, utf8('other')), 'accepted'],
    ['a maker’s setting in PCR 1', measured(1, T.efiVariableDriverConfig, variable), 'accepted'],
    ['a boot option in PCR 1', measured(1, T.efiVariableBoot, variable, DATA), 'accepted'],
    ['a boot option with its name in PCR 5', measured(5, T.efiVariableBoot, variable), 'accepted'],
    ['a maker’s digest in PCR 6', measured(6, T.compactHash, DATA, utf8('other')), 'accepted'],
    ['a type that is in no specification', measured(0, 0x40e, DATA), ['event-log-grammar 0']],
    ['EV_UNUSED', measured(4, 2, DATA), ['event-log-grammar 4']],
    ['an application in PCR 0', image('x', 0), ['event-log-grammar 0']],
    ['a blob in PCR 4', measured(4, T.efiPlatformFirmwareBlob, DATA, utf8('x')), ['event-log-grammar 4']],
    ['a blob in PCR 7', measured(7, T.efiPlatformFirmwareBlob, DATA, utf8('x')), ['event-log-grammar 7']],
    ['an image in PCR 5', image('x', 5), ['event-log-grammar 5']],
    ['a tag in PCR 8', measured(8, T.eventTag, DATA), ['event-log-grammar 8']],
    ['an action in PCR 9', measured(9, T.efiAction, DATA), ['event-log-grammar 9']],
    ['an action in PCR 14', measured(14, T.efiAction, DATA), ['event-log-grammar 14']],
    ['a blob in PCR 11', measured(11, T.efiPlatformFirmwareBlob, DATA, utf8('x')), ['event-log-grammar 11']],
  ])('%s', (_what, event, expected) => {
    expect(verdictOf(plus(event))).toEqual(expected);
  });

  test('does not matter in a PCR outside the policy', () => {
    const policyPcrs = LOG_PCRS.filter((pcr) => pcr !== 0);
    expect(logVerdict(bootLogInput(plus(measured(0, 0x40e, DATA)), { policyPcrs }))).toBe('accepted');
  });

  test('is refused in a bounded number of denials', () => {
    const outcome = verifyEventLog(bootLogInput(plus(...Array.from({ length: 100 }, () => measured(0, 0x40e, DATA)))));
    expect(outcome.ok || outcome.denials.length).toBe(16);
  });
});

describe('data that was hashed', () => {
  const OTHER = utf8('what was measured');
  const variable = uefiVariable(EFI.owner, 'Setup', utf8('data'));
  test.each([
    ['a version of the firmware', measured(0, T.sCrtmVersion, utf8('1.1'), OTHER), 0],
    ['a setting', measured(1, T.efiVariableDriverConfig, variable, OTHER), 1],
    ['a boot option', measured(1, T.efiVariableBoot, variable, OTHER), 1],
    [
      'a boot option of the second form, by its contents alone',
      measured(1, T.efiVariableBoot2, variable, utf8('data')),
      1,
    ],
    ['a partition table', measured(5, T.efiGptEvent, utf8('EFI PART'), OTHER), 5],
    ['a line of a BIOS', measured(4, T.action, utf8('Booting'), OTHER), 4],
    ['an action', measured(5, T.efiAction, utf8('Exit Boot Services Invocation'), OTHER), 5],
    ['devices left out', measured(1, T.omitBootDeviceEvents, utf8('x'), OTHER), 1],
    ['an authority', measured(7, T.efiVariableAuthority, variable, OTHER), 7],
    ['a device policy', measured(7, T.efiSpdmDevicePolicy, variable, OTHER), 7],
    ['a device authority', measured(7, T.efiSpdmDeviceAuthority, variable, OTHER), 7],
    ['a command of GRUB', measured(8, T.ipl, utf8('grub_cmd: x\0'), OTHER), 8],
    ['a command without GRUB’s label', measured(8, T.ipl, utf8('x\0'), utf8('x')), 8],
  ])('has the digest: %s', (_what, event, pcr) => {
    expect(verdictOf(plus(event))).toEqual([`event-log-digest-mismatch ${pcr}`]);
  });

  test('is a variable, whose lengths are checked', () => {
    const cut = variable.subarray(0, -1);
    expect(verdictOf(plus(measured(1, T.efiVariableBoot, cut, OTHER)))).toEqual(['event-log-malformed']);
  });

  test.each([
    ['with its NUL', measured(8, T.ipl, utf8('grub_cmd set x=1\0'), utf8('set x=1\0'))],
    ['without', grub('grub_cmd: ', 'set x=1')],
    ['as Red Hat’s GRUB labels it', grub('grub_kernel_cmdline ', '/vmlinuz')],
  ])('may be a command of GRUB %s', (_what, event) => {
    expect(verdictOf(plus(event))).toBe('accepted');
  });

  const authorityData = uefiVariable(EFI.shim, 'Shim', utf8('certificate'));
  const padded = measured(
    7,
    T.efiVariableAuthority,
    concatBytes(authorityData, fromHex('0000000000af')),
    concatBytes(authorityData, fromHex('0000000000')),
  );
  test('may be an authority with a byte too many, where the policy says so', () => {
    expect(logVerdict(bootLogInput(plus(padded)))).toEqual(['event-log-digest-mismatch 7']);
    expect(logVerdict(bootLogInput(plus(padded), { allowPaddedAuthorities: true }))).toBe('accepted');
    const { warnings } = verifiedBoot(plus(padded), { allowPaddedAuthorities: true });
    expect(warnings.map(({ code }) => code)).toEqual(['authority-one-byte-longer']);
  });

  test.each([
    ['more than a little padding', '000000000000000000af'],
    ['padding that is not zeros', '0000010000af'],
  ])('is no authority with %s', (_what, end) => {
    const bytes = concatBytes(authorityData, fromHex(end));
    const event = measured(7, T.efiVariableAuthority, bytes, bytes.subarray(0, -1));
    expect(logVerdict(bootLogInput(plus(event), { allowPaddedAuthorities: true }))).toEqual(['event-log-malformed']);
  });
});

describe('separators', () => {
  test.each([0, 1, 2, 3, 4, 5, 6])('come exactly once in PCR %d', (pcr) => {
    const at = indexOf(pcr, T.separator);
    expect(verdictOf(without(at))).toEqual([`event-log-grammar ${pcr}`]);
    expect(verdictOf(GOOD_BOOT.toSpliced(at, 0, separator(pcr)))).toEqual([`event-log-grammar ${pcr}`]);
  });

  test('come exactly once in PCR 7', () => {
    expect(verdictOf(without(indexOf(7, T.separator)))).toEqual(['event-log-grammar 7']);
    expect(verdictOf(GOOD_BOOT.toSpliced(indexOf(7, T.separator), 0, separator(7)))).toEqual(['event-log-grammar 7']);
  });

  test.each([
    ['of UEFI', '00000000', 'accepted'],
    ['of a BIOS', 'ffffffff', 'accepted'],
    ['of a firmware error', '00000001', ['event-log-grammar 3']],
    ['with other data', '12345678', ['event-log-grammar 3']],
    ['without data', '', ['event-log-grammar 3']],
    ['of eight bytes', '0000000000000000', ['event-log-grammar 3']],
  ])('%s', (_what, data, expected) => {
    expect(verdictOf(GOOD_BOOT.with(indexOf(3, T.separator), separator(3, data)))).toEqual(expected);
  });

  test('with other data than was measured are refused', () => {
    const event = measured(3, T.separator, fromHex('00000000'), fromHex('ffffffff'));
    expect(verdictOf(GOOD_BOOT.with(indexOf(3, T.separator), event))).toEqual(['event-log-digest-mismatch 3']);
  });

  test.each([
    [
      'in PCR 2, as a driver',
      measured(2, T.efiBootServicesDriver, utf8('x'), fromHex('00000000')),
      ['event-log-grammar 2'],
    ],
    [
      'in PCR 4, as an application',
      measured(4, T.efiBootServicesApplication, utf8('x'), fromHex('ffffffff')),
      ['event-log-grammar 4'],
    ],
    [
      'in PCR 6, as a maker’s digest',
      measured(6, T.compactHash, utf8('x'), fromHex('00000001')),
      ['event-log-grammar 6'],
    ],
    [
      'in PCR 0, where parts of firmware may be zeros',
      measured(0, T.sCrtmContents, utf8('x'), fromHex('00000000')),
      'accepted',
    ],
    ['in PCR 9, which has none', measured(9, T.ipl, utf8('x'), fromHex('00000000')), 'accepted'],
  ])('are not disguised %s', (_what, event, expected) => {
    expect(verdictOf(plus(event))).toEqual(expected);
  });
});

describe('actions', () => {
  test.each([
    ['a second try to boot', action(4, 'Returning from EFI Application from Boot Option'), 'accepted'],
    ['a call in PCR 5', action(5, 'Calling EFI Application from Boot Option'), 'accepted'],
    ['one with a NUL', action(4, 'Calling EFI Application from Boot Option\0'), ['event-log-grammar 4']],
    ['one of PCR 5 in PCR 4', action(4, 'Exit Boot Services Invocation'), ['event-log-grammar 4']],
    ['an unknown one in PCR 4', action(4, 'Booting'), ['event-log-grammar 4']],
    ['an unknown one in PCR 5', action(5, 'Booting'), ['event-log-grammar 5']],
    ['an unknown one in PCR 6', action(6, 'Wake Event 1'), 'accepted'],
    ['a BIOS’s line of text', measured(4, T.action, utf8('Booting BCV Device 80h')), 'accepted'],
    ['boot code as a line of text', measured(4, T.action, fromHex('fa33c08ed0')), ['event-log-grammar 4']],
  ])('%s', (_what, event, expected) => {
    expect(verdictOf(plus(event))).toEqual(expected);
  });
});

describe('the end of the boot', () => {
  const INVOKED = action(5, 'Exit Boot Services Invocation');
  const FAILED = action(5, 'Exit Boot Services Returned with Failure');
  const SUCCEEDED = action(5, 'Exit Boot Services Returned with Success');
  const boot = GOOD_BOOT.slice(0, -2);

  test.each([
    ['at once', [INVOKED, SUCCEEDED], 'logged', []],
    ['on the second try', [INVOKED, FAILED, INVOKED, SUCCEEDED], 'logged', []],
    ['with a failure that is logged first', [FAILED, INVOKED, SUCCEEDED], 'logged', []],
    ['never', [], 'missing', ['exit-boot-services-missing']],
    ['without its result', [INVOKED], 'missing', ['exit-boot-services-missing']],
    ['with a failure in the end', [INVOKED, FAILED], 'missing', ['exit-boot-services-missing']],
    ['without an invocation', [SUCCEEDED], 'missing', ['exit-boot-services-missing']],
  ])('is reached %s', (_what, end, state, codes) => {
    const { exitBootServices, warnings } = verifiedBoot([...boot, ...end]);
    expect([exitBootServices, warnings.map(({ code }) => code)]).toEqual([state, codes]);
  });

  test.each([
    ['at once', [INVOKED, SUCCEEDED]],
    ['on the second try', [INVOKED, FAILED, INVOKED, SUCCEEDED]],
  ])('may be missing in the log alone, %s', (_what, end) => {
    const log = verifiedBoot(boot, { quotedPcrs: quotedAfter([...boot, ...end]) });
    expect([log.exitBootServices, log.warnings.map(({ code }) => code)]).toEqual([
      'not-logged',
      ['exit-boot-services-not-logged'],
    ]);
  });

  test('is all that may be missing', () => {
    const quoted = (events: readonly BuiltEvent[]) =>
      logVerdict(bootLogInput(boot, { quotedPcrs: quotedAfter(events) }));
    expect(quoted([...boot, INVOKED])).toEqual(['event-log-replay-mismatch 5']);
    expect(quoted([...boot, SUCCEEDED])).toEqual(['event-log-replay-mismatch 5']);
    expect(quoted([...boot, separator(6)])).toEqual(['event-log-replay-mismatch 6']);
    const inPcr4 = [
      ...boot,
      action(4, 'Exit Boot Services Invocation'),
      action(4, 'Exit Boot Services Returned with Success'),
    ];
    expect(quoted(inPcr4)).toEqual(['event-log-replay-mismatch 4']);
  });

  test('is not looked at where PCR 5 is not in the policy', () => {
    const { exitBootServices, warnings } = verifiedBoot(boot, { policyPcrs: [0, 4, 7] });
    expect([exitBootServices, warnings]).toEqual([undefined, []]);
  });
});

describe('PCR 11', () => {
  const phases = (...words: readonly string[]) => words.map((word) => measured(11, T.ipl, utf8(word)));
  test.each([[['enter-initrd']], [['enter-initrd', 'leave-initrd', 'sysinit', 'ready']], [['sysinit', 'ready']]])(
    'may go on by the phases %j',
    (words) => {
      const log = verifiedBoot(GOOD_BOOT, { quotedPcrs: quotedAfter([...GOOD_BOOT, ...phases(...words)]) });
      expect(log.bootPhases).toEqual(words);
    },
  );

  test.each([
    [['ready']],
    [['leave-initrd', 'enter-initrd']],
    [['enter-initrd', 'sysinit']],
    [['sysinit', 'ready', 'ready']],
    [['shutdown']],
  ])('may not go on by %j', (words) => {
    const quotedPcrs = quotedAfter([...GOOD_BOOT, ...phases(...words)]);
    expect(logVerdict(bootLogInput(GOOD_BOOT, { quotedPcrs }))).toEqual(['event-log-replay-mismatch 11']);
  });

  test('is the only PCR that does', () => {
    const other = measured(12, T.ipl, utf8('sysinit'));
    expect(logCodes(bootLogInput(GOOD_BOOT, { quotedPcrs: quotedAfter([...GOOD_BOOT, other]) }))).toEqual([
      'event-log-replay-mismatch',
    ]);
  });
});

test('keeps the events of one PCR in their order, with what is bound', () => {
  const { events } = verifiedBoot(GOOD_BOOT);
  const grubEvents = events.get(8) ?? [];
  expect(grubEvents.map(({ bound }) => Buffer.from(bound ?? []).toString())).toEqual([
    'set timeout=0',
    'linux /vmlinuz root=/dev/vda1 ro ima_policy=tcb',
    '/vmlinuz root=/dev/vda1 ro ima_policy=tcb',
  ]);
  expect(events.get(4)?.map(({ bound }) => bound !== undefined)).toEqual([true, true, false, false, false, false]);
  const [first] = events.get(9) ?? [];
  expect([first?.bound, Buffer.from(first?.digest ?? [])]).toEqual([undefined, digest('sha256', utf8('grub.cfg'))]);
});
