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

test('that nobody vouched for anything is no list of authorities', () => {
  const events = GOOD_BOOT.filter(({ type }) => type !== T.efiVariableAuthority);
  const policy: PolicyText = { secureBoot: 'not-required', authorities: [sha256Hex(CERT.db)] };
  expect(bootVerdict(events, policy)).toEqual(['authorities: boot-authority-refused']);
  expect(bootVerdict(GOOD_BOOT, { ...policy, authorities: GOOD_POLICY.authorities })).toBe('accepted');
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
