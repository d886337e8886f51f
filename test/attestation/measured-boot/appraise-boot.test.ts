import { describe, expect, test } from 'vitest';

import { concatBytes, utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { measuredBootPcrs } from '#attestation/measured-boot/required-pcrs.ts';
import {
  action,
  authority,
  CERT,
  COMMAND_LINE,
  config,
  EFI,
  fileDigest,
  GOOD_BOOT,
  grub,
  image,
  imageDigest,
  LOG_PCRS,
  measured,
  named,
  quotedAfter,
  REVOKED_IMAGE,
  signatureList,
  verifiedBoot,
} from '#test/lab/boot-log.ts';
import { bootPolicy, bootVerdict, GOOD_POLICY, type PolicyText } from '#test/lab/boot-policy.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;
const OTHER = 'ab'.repeat(32);
const indexOf = (pcr: number, type: number): number =>
  GOOD_BOOT.findIndex((event) => event.pcr === pcr && event.type === type);
const beforeSeparator = (pcr: number, event: BuiltEvent) => GOOD_BOOT.toSpliced(indexOf(pcr, T.separator), 0, event);
const withPcr = (pcr: number, ...events: readonly BuiltEvent[]) => {
  const rest = GOOD_BOOT.filter((event) => event.pcr !== pcr);
  return [...rest.slice(0, -2), ...events, ...rest.slice(-2)];
};
/** Images for PCR 4 after its separator. */
const booted = (...names: readonly string[]) => {
  const rest = GOOD_BOOT.filter(({ type }) => type !== T.efiBootServicesApplication);
  return [...rest.slice(0, -2), ...names.map((name) => image(name)), ...rest.slice(-2)];
};

test('a good boot meets every demand, each of which has a line', () => {
  expect(bootVerdict(GOOD_BOOT)).toBe('accepted');
  const { results } = appraiseBoot(bootFacts(verifiedBoot(GOOD_BOOT)), bootPolicy(GOOD_POLICY));
  expect(results.map(({ fact }) => fact)).toEqual([
    'secure-boot',
    'driver-authorities',
    'authorities',
    'dbx',
    'dbx-entries',
    'revoked-images',
    'dma-protection',
    'sbat',
    'mok',
    'firmware-applications',
    'boot-applications',
    'kernel',
    'command-line',
    'grub-commands',
    'loader-files',
    'initrd',
    'exit-boot-services',
  ]);
});

test('a policy that says nothing asks for Secure Boot, DMA protection and the end of the boot', () => {
  const { results } = appraiseBoot(bootFacts(verifiedBoot(GOOD_BOOT)), bootPolicy({}));
  expect(results.map(({ fact }) => fact)).toEqual([
    'secure-boot',
    'driver-authorities',
    'revoked-images',
    'dma-protection',
    'exit-boot-services',
  ]);
});

const changed = (change: PolicyText): PolicyText => ({ ...GOOD_POLICY, ...change });

describe('each demand refuses the good boot when the policy has something else', () => {
  test.each<[string, PolicyText, readonly string[]]>([
    ['another authority', { authorities: [OTHER] }, ['authorities: boot-authority-refused']],
    ['one authority of two', { authorities: [sha256Hex(CERT.db)] }, ['authorities: boot-authority-refused']],
    ['no authority', { authorities: [] }, ['authorities: boot-authority-refused']],
    ['a digest that dbx lacks', { dbxIncludes: [OTHER] }, ['dbx: dbx-outdated']],
    ['no digest for dbx', { dbxIncludes: [] }, ['dbx: dbx-outdated']],
    ['more entries in dbx', { dbxMinimumEntries: 2 }, ['dbx-entries: dbx-outdated']],
    ['a later SBAT date', { sbatAtLeast: { date: '2025021801' } }, ['sbat: sbat-outdated']],
    ['a later generation', { sbatAtLeast: { date: '2025021800', generations: { grub: 6 } } }, ['sbat: sbat-outdated']],
    [
      'a component without a level',
      { sbatAtLeast: { date: '2025021800', generations: { x: 1 } } },
      ['sbat: sbat-outdated'],
    ],
    ['another MOK list', { mok: { known: [OTHER] } }, ['mok: mok-refused']],
    ['no MOK list', { mok: { known: [] } }, ['mok: mok-refused']],
    [
      'another shim',
      { bootApplications: { stages: [[OTHER], [imageDigest('grub')]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'another order',
      { bootApplications: { stages: [[imageDigest('grub')], [imageDigest('shim')]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'a stage less',
      { bootApplications: { stages: [[imageDigest('shim')]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'a stage more',
      { bootApplications: { stages: [[imageDigest('shim')], [imageDigest('grub')], [OTHER]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'an empty stage',
      { bootApplications: { stages: [[imageDigest('shim')], []] } },
      ['boot-applications: boot-application-refused'],
    ],
    ['no stage', { bootApplications: { stages: [] } }, ['boot-applications: boot-application-refused']],
    [
      'two of three images',
      { bootApplications: { anyOf: [imageDigest('shim'), OTHER] } },
      ['boot-applications: boot-application-refused'],
    ],
    ['no image', { bootApplications: { anyOf: [] } }, ['boot-applications: boot-application-refused']],
    [
      'another kernel',
      {
        bootApplications: { anyOf: ['shim', 'grub', 'kernel'].map((name) => imageDigest(name)) },
        kernelDigests: [OTHER],
      },
      ['kernel: kernel-refused'],
    ],
    [
      'another command line',
      { commandLines: { exact: [`${COMMAND_LINE} quiet`] } },
      ['command-line: command-line-refused'],
    ],
    ['a part of the command line', { commandLines: { exact: ['/vmlinuz'] } }, ['command-line: command-line-refused']],
    ['no command line', { commandLines: {} }, ['command-line: command-line-refused']],
    [
      'some of the words',
      { commandLines: { tokens: COMMAND_LINE.split(' ').slice(1) } },
      ['command-line: command-line-refused'],
    ],
    [
      'a word that is required',
      { commandLines: { tokens: [...COMMAND_LINE.split(' '), 'ima=on'], requiredTokens: ['ima=on'] } },
      ['command-line: command-line-refused'],
    ],
    ['one command of two', { grubCommands: ['set timeout=0'] }, ['grub-commands: grub-command-refused']],
    ['no command', { grubCommands: [] }, ['grub-commands: grub-command-refused']],
    ['one file less', { loaderFiles: [fileDigest('grub.cfg')] }, ['loader-files: loader-file-refused']],
    [
      'another initial RAM disk',
      { initrdDigests: [OTHER] },
      ['loader-files: loader-file-refused', 'initrd: initrd-refused'],
    ],
    [
      'no initial RAM disk',
      { loaderFiles: ['grub.cfg', 'vmlinuz', 'initrd'].map((name) => fileDigest(name)), initrdDigests: [] },
      ['initrd: initrd-refused'],
    ],
    ['a unified kernel image', { uki: { sections: { '.linux': [OTHER] } } }, ['uki-sections: uki-refused']],
  ])('%s', (_what, change, expected) => {
    expect(bootVerdict(GOOD_BOOT, changed(change))).toEqual(expected);
  });

  test.each<[string, PolicyText]>([
    [
      'images in any order',
      { bootApplications: { anyOf: ['kernel', 'grub', 'shim'].map((name) => imageDigest(name)) } },
    ],
    [
      'the kernel among the kernels',
      { bootApplications: { anyOf: ['grub', 'shim'].map((name) => imageDigest(name)) } },
    ],
    [
      'the kernel among the stages',
      { bootApplications: { stages: ['shim', 'grub', 'kernel'].map((name) => [imageDigest(name), OTHER]) } },
    ],
    ['words in any order', { commandLines: { tokens: COMMAND_LINE.split(' ').toReversed(), requiredTokens: ['ro'] } }],
    ['the list of MOKs', { mok: { known: [bootMokDigest()] } }],
    ['certificates in dbx', { dbxIncludes: [Buffer.from(REVOKED_IMAGE).toString('hex')] }],
    ['an older SBAT level', { sbatAtLeast: { date: '2021030218', generations: { shim: 1 } } }],
    [
      'the kernel by its file',
      {
        bootApplications: { anyOf: ['shim', 'grub', 'kernel'].map((name) => imageDigest(name)) },
        kernelDigests: [fileDigest('vmlinuz')],
      },
    ],
  ])('but not %s', (_what, change) => {
    expect(bootVerdict(GOOD_BOOT, changed(change))).toBe('accepted');
  });
});

/** What PCR 14 has of MokList in the good boot. */
function bootMokDigest(): string {
  const { mok } = bootFacts(verifiedBoot(GOOD_BOOT));
  return (mok?.kind === 'measured' ? mok.listDigest : undefined) ?? '';
}

describe('each demand refuses a boot that is otherwise good', () => {
  const dbx = (data: Uint8Array) =>
    GOOD_BOOT.map((event) =>
      event.pcr === 7 && Buffer.from(event.data).includes('dbx', 0, 'utf16le')
        ? config(EFI.imageSecurity, 'dbx', data)
        : event,
    );
  test.each<[string, readonly BuiltEvent[], readonly string[]]>([
    [
      'with an option ROM',
      beforeSeparator(7, authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, CERT.db))),
      ['driver-authorities: boot-authority-refused'],
    ],
    [
      'without protection against DMA',
      beforeSeparator(7, action(7, 'DMA Protection Disabled')),
      ['dma-protection: dma-protection-disabled'],
    ],
    ['in debug mode', beforeSeparator(7, action(7, 'UEFI Debug Mode')), ['secure-boot: secure-boot-not-proven']],
    [
      'with an application of the firmware',
      beforeSeparator(4, image('vendor')),
      ['firmware-applications: boot-application-refused'],
    ],
    [
      'with an image more',
      booted('shim', 'grub', 'kernel', 'more'),
      ['boot-applications: boot-application-refused', 'kernel: kernel-refused'],
    ],
    [
      'with another image between',
      booted('shim', 'more', 'grub', 'kernel'),
      ['boot-applications: boot-application-refused'],
    ],
    [
      'with an image again later',
      booted('shim', 'grub', 'shim', 'kernel'),
      ['boot-applications: boot-application-refused'],
    ],
    [
      'with two command lines',
      [
        ...withPcr(
          8,
          grub('grub_cmd: ', 'set timeout=0'),
          grub('kernel_cmdline: ', COMMAND_LINE),
          grub('kernel_cmdline: ', COMMAND_LINE),
        ),
      ],
      ['command-line: command-line-refused'],
    ],
    ['without a command line', withPcr(8, grub('grub_cmd: ', 'set timeout=0')), ['command-line: command-line-refused']],
    [
      'with another command line from a stub',
      GOOD_BOOT.toSpliced(-2, 0, measured(12, T.ipl, Buffer.from('init=/bin/sh\0', 'utf16le'))),
      ['command-line: command-line-refused'],
    ],
    [
      'with a file more',
      GOOD_BOOT.toSpliced(-2, 0, named(9, '/initrd', utf8('other'))),
      ['loader-files: loader-file-refused'],
    ],
    ['without its end', GOOD_BOOT.slice(0, -2), ['exit-boot-services: exit-boot-services-missing']],
    [
      'with a MOK',
      GOOD_BOOT.map((event) =>
        event.pcr === 14 && event.data.byteLength === 8
          ? named(14, 'MokList', signatureList(EFI.x509, [CERT.stranger]))
          : event,
      ),
      ['mok: mok-refused'],
    ],
    [
      'with shim told not to verify',
      GOOD_BOOT.toSpliced(-2, 0, named(14, 'MokSBState', Buffer.of(1))),
      ['mok: mok-refused'],
    ],
    ['with an empty dbx', dbx(new Uint8Array()), ['dbx: dbx-outdated', 'dbx-entries: dbx-outdated']],
    [
      'of a revoked image',
      dbx(signatureList(EFI.sha256, [REVOKED_IMAGE, Buffer.from(imageDigest('grub'), 'hex')])),
      ['revoked-images: boot-application-revoked'],
    ],
  ])('%s', (_what, events, expected) => {
    expect(bootVerdict(events)).toEqual(expected);
  });

  test('of an image that the policy wants revoked', () => {
    const dbxIncludes = [Buffer.from(REVOKED_IMAGE).toString('hex'), imageDigest('grub')];
    expect(bootVerdict(GOOD_BOOT, changed({ dbxIncludes }))).toEqual([
      'dbx: dbx-outdated',
      'revoked-images: boot-application-revoked',
    ]);
  });

  test('accepts what the policy allows of it', () => {
    expect(
      bootVerdict(beforeSeparator(4, image('vendor')), changed({ firmwareApplications: [imageDigest('vendor')] })),
    ).toBe('accepted');
    const rom = beforeSeparator(7, authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, CERT.db)));
    expect(bootVerdict(rom, changed({ driverAuthorities: [sha256Hex(CERT.db)] }))).toBe('accepted');
    const noDma = beforeSeparator(7, action(7, 'DMA Protection Disabled'));
    expect(bootVerdict(noDma, changed({ dmaProtection: 'not-required' }))).toBe('accepted');
    expect(bootVerdict(GOOD_BOOT.slice(0, -2), changed({ exitBootServices: 'not-required' }))).toBe('accepted');
  });
});

test('an end of the boot that the log lacks counts where the policy allows it', () => {
  const change = { quotedPcrs: quotedAfter(GOOD_BOOT) };
  const events = GOOD_BOOT.slice(0, -2);
  expect(bootVerdict(events, GOOD_POLICY, change)).toEqual(['exit-boot-services: exit-boot-services-missing']);
  expect(bootVerdict(events, changed({ exitBootServices: 'unlogged-allowed' }), change)).toBe('accepted');
  expect(bootVerdict(events, changed({ exitBootServices: 'unlogged-allowed' }))).toEqual([
    'exit-boot-services: exit-boot-services-missing',
  ]);
});

test('a digest of the kernel’s file counts only where every file of PCR 9 has to be known', () => {
  const policy: PolicyText = { kernelDigests: [fileDigest('vmlinuz')] };
  expect(bootVerdict(GOOD_BOOT, policy)).toEqual(['kernel: kernel-refused']);
  const loaderFiles = ['grub.cfg', 'vmlinuz', 'initrd'].map((name) => fileDigest(name));
  expect(bootVerdict(GOOD_BOOT, { ...policy, loaderFiles })).toBe('accepted');
});

test('an image of the firmware is no boot application, and no kernel', () => {
  const events = GOOD_BOOT.filter(({ type }) => type !== T.efiBootServicesApplication);
  const own = events.toSpliced(
    events.findIndex(({ pcr, type }) => pcr === 4 && type === T.separator),
    0,
    image('kernel'),
  );
  expect(bootVerdict(own, { secureBoot: 'not-required', kernelDigests: [imageDigest('kernel')] })).toEqual([
    'kernel: kernel-refused',
  ]);
  expect(
    bootVerdict(own, {
      secureBoot: 'not-required',
      bootApplications: { anyOf: [imageDigest('kernel')] },
      firmwareApplications: [imageDigest('kernel')],
    }),
  ).toEqual(['boot-applications: boot-application-refused']);
});

describe('a demand whose PCRs are not verified', () => {
  test.each([
    [
      4,
      [
        'secure-boot',
        'driver-authorities',
        'authorities',
        'dbx',
        'dbx-entries',
        'revoked-images',
        'dma-protection',
        'sbat',
        'boot-applications',
        'kernel',
      ],
    ],
    [5, ['exit-boot-services']],
    [
      7,
      [
        'secure-boot',
        'driver-authorities',
        'authorities',
        'dbx',
        'dbx-entries',
        'revoked-images',
        'dma-protection',
        'sbat',
        'mok',
      ],
    ],
    [8, ['command-line', 'grub-commands']],
    [9, ['loader-files']],
    [12, ['command-line']],
    [14, ['mok']],
  ])('is not met: PCR %d', (pcr, facts) => {
    const policyPcrs = LOG_PCRS.filter((other) => other !== pcr);
    const expected = facts.map((fact) => `${fact}: boot-fact-not-verified`);
    expect(bootVerdict(GOOD_BOOT, GOOD_POLICY, { policyPcrs })).toEqual(expected);
  });

  test('is one for PCRs that the policy is said to need', () => {
    const pcrs = measuredBootPcrs(bootPolicy(GOOD_POLICY));
    expect(pcrs).toEqual([4, 5, 7, 8, 9, 12, 14]);
    expect(bootVerdict(GOOD_BOOT, GOOD_POLICY, { policyPcrs: pcrs })).toBe('accepted');
    for (const pcr of pcrs) {
      const policyPcrs = pcrs.filter((other) => other !== pcr);
      expect(bootVerdict(GOOD_BOOT, GOOD_POLICY, { policyPcrs })).not.toBe('accepted');
    }
    expect(measuredBootPcrs(bootPolicy({}))).toEqual([4, 5, 7]);
    const none = bootPolicy({
      secureBoot: 'not-required',
      dmaProtection: 'not-required',
      exitBootServices: 'not-required',
    });
    expect(measuredBootPcrs(none)).toEqual([]);
    expect(measuredBootPcrs(bootPolicy({ uki: { sections: {} } }))).toEqual([4, 5, 7, 11, 12, 13]);
  });
});

describe('a unified kernel image', () => {
  const section = (name: string, content: string) => [
    measured(11, T.ipl, Buffer.from(`${name}\0`, 'utf16le'), utf8(`${name}\0`)),
    measured(11, T.ipl, Buffer.from(`${name}\0`, 'utf16le'), utf8(content)),
  ];
  const LINE = 'root=/dev/vda1 ro';
  const loadOptions = measured(9, T.eventTag, utf8('x'), Buffer.from(`${LINE}\0`, 'utf16le'));
  const boot = (...more: readonly BuiltEvent[]): readonly BuiltEvent[] => {
    const rest = GOOD_BOOT.filter(({ pcr }) => pcr !== 8 && pcr !== 9);
    return rest.toSpliced(-2, 0, loadOptions, ...section('.linux', 'kernel'), ...section('.cmdline', LINE), ...more);
  };
  const sections = { '.linux': [fileDigest('kernel')], '.cmdline': [fileDigest(LINE)] };
  const policy: PolicyText = { uki: { sections }, commandLines: { exact: [LINE] }, loaderFiles: [] };

  test('is accepted by its sections, its own command line and the load options with it', () => {
    expect(bootVerdict(boot(), policy)).toBe('accepted');
  });

  const credential = measured(12, T.ipl, utf8('x'), utf8('credential'));
  const extension = measured(13, T.ipl, utf8('x'), utf8('extension'));
  test.each<[string, readonly BuiltEvent[], PolicyText, readonly string[] | 'accepted']>([
    ['another section', boot(...section('.initrd', 'x')), {}, ['uki-sections: uki-refused']],
    ['another event in PCR 11', boot(measured(11, T.ipl, utf8('x'))), {}, ['uki-sections: uki-refused']],
    [
      'another kernel',
      boot(),
      { uki: { sections: { ...sections, '.linux': [OTHER] } } },
      ['uki-sections: uki-refused'],
    ],
    [
      'a section that is missing',
      boot(),
      { uki: { sections: { ...sections, '.initrd': [OTHER] } } },
      ['uki-sections: uki-refused'],
    ],
    ['no known section', boot(), { uki: { sections: {} } }, ['uki-sections: uki-refused']],
    ['a credential', boot(credential), {}, ['uki-overrides: uki-refused']],
    ['a known credential', boot(credential), { uki: { sections, overrides: [fileDigest('credential')] } }, 'accepted'],
    ['an extension', boot(extension), {}, ['uki-extensions: uki-refused']],
    ['a known extension', boot(extension), { uki: { sections, extensions: [fileDigest('extension')] } }, 'accepted'],
    [
      'another command line of its own',
      boot(),
      { commandLines: { exact: ['ro'] } },
      ['command-line: command-line-refused', 'loader-files: loader-file-refused'],
    ],
    [
      'words for a line that is known by digest alone',
      boot(),
      { commandLines: { tokens: LINE.split(' ') } },
      ['command-line: command-line-refused', 'loader-files: loader-file-refused'],
    ],
    ['two command lines of its own', boot(...section('.cmdline', LINE)), {}, ['command-line: command-line-refused']],
  ])('with %s', (_what, events, change, expected) => {
    expect(bootVerdict(events, { ...policy, ...change })).toEqual(expected);
  });

  test('may have its command line end in a line feed', () => {
    const events = GOOD_BOOT.filter(({ pcr }) => pcr !== 8 && pcr !== 9).toSpliced(
      -2,
      0,
      ...section('.cmdline', `${LINE}\n`),
    );
    expect(bootVerdict(events, { commandLines: { exact: [LINE] } })).toBe('accepted');
  });

  test('or a kernel started by firmware has its command line in the first load options', () => {
    const rest = GOOD_BOOT.filter(({ pcr }) => pcr !== 8 && pcr !== 9);
    const first = (...events: readonly BuiltEvent[]) =>
      bootVerdict(rest.toSpliced(-2, 0, ...events), { commandLines: { exact: [LINE] } });
    expect(first(loadOptions)).toBe('accepted');
    expect(first(measured(9, T.eventTag, utf8('x'), utf8('other')), loadOptions)).toEqual([
      'command-line: command-line-refused',
    ]);
    expect(first()).toEqual(['command-line: command-line-refused']);
  });
});

test('what was found is shortened for people', () => {
  const many = GOOD_BOOT.toSpliced(
    -2,
    0,
    ...Array.from({ length: 50 }, (_, at) => grub('grub_cmd: ', `echo ${at} ${'x'.repeat(200)}`)),
  );
  const { denials } = appraiseBoot(bootFacts(verifiedBoot(many)), bootPolicy(GOOD_POLICY));
  expect(denials.length).toBe(1);
  expect(denials[0]?.found?.length).toBeLessThanOrEqual(1_025);
  const files = GOOD_BOOT.toSpliced(-2, 0, ...Array.from({ length: 20 }, (_, at) => named(9, 'f', Buffer.of(at))));
  const [denial] = appraiseBoot(
    bootFacts(verifiedBoot(files)),
    bootPolicy({ loaderFiles: Object.values(GOOD_POLICY.loaderFiles ?? []) }),
  ).denials;
  expect(denial?.found).toContain('and 13 more');
});
