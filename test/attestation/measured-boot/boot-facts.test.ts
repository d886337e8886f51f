import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest, sha256Hex } from '#core/digest.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import {
  action,
  authority,
  CERT,
  COMMAND_LINE,
  config,
  EFI,
  fakeCertificate,
  fileDigest,
  GOOD_BOOT,
  grub,
  image,
  imageDigest,
  measured,
  quotedAfter,
  SECURE_BOOT_VARIABLES,
  signatureList,
  verifiedBoot,
} from '#test/lab/boot-log.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;
const factsOf = (events: readonly BuiltEvent[]) => bootFacts(verifiedBoot(events));
const indexOf = (pcr: number, type: number): number =>
  GOOD_BOOT.findIndex((event) => event.pcr === pcr && event.type === type);
/** A good boot with the events of one PCR replaced. */
const withPcr = (pcr: number, ...events: readonly BuiltEvent[]): readonly BuiltEvent[] => [
  ...events,
  ...GOOD_BOOT.filter((event) => event.pcr !== pcr),
];
const withVariable = (at: number, event: BuiltEvent): readonly BuiltEvent[] => {
  const [first] = SECURE_BOOT_VARIABLES;
  return GOOD_BOOT.with(GOOD_BOOT.indexOf(first ?? event) + at, event);
};

describe('Secure Boot', () => {
  const doubtsOf = (events: readonly BuiltEvent[]) => factsOf(events).secureBoot?.doubts;
  const empty = new Uint8Array();
  const beforeSeparator = (event: BuiltEvent) => GOOD_BOOT.toSpliced(indexOf(7, T.separator), 0, event);
  const authorityAt = indexOf(7, T.efiVariableAuthority);

  test('is proven by a good boot', () => {
    expect(factsOf(GOOD_BOOT).secureBoot).toMatchObject({ proven: true, doubts: [], variable: 'on' });
  });

  test.each([
    [
      'SecureBoot is 0',
      withVariable(0, config(EFI.global, 'SecureBoot', Buffer.of(0))),
      'the variable SecureBoot is off',
    ],
    [
      'SecureBoot is empty',
      withVariable(0, config(EFI.global, 'SecureBoot', empty)),
      'the variable SecureBoot is empty',
    ],
    ['PK is empty', withVariable(1, config(EFI.global, 'PK', empty)), 'PK is empty'],
    ['KEK is empty', withVariable(2, config(EFI.global, 'KEK', empty)), 'KEK is empty'],
    ['setup mode', beforeSeparator(config(EFI.global, 'SetupMode', Buffer.of(1))), 'the firmware is in setup mode'],
    ['audit mode', beforeSeparator(config(EFI.global, 'AuditMode', Buffer.of(1))), 'the firmware is in audit mode'],
    ['debug mode', beforeSeparator(action(7, 'UEFI Debug Mode')), 'the firmware is in debug mode'],
    [
      'no authority',
      GOOD_BOOT.filter(({ pcr, type }) => pcr !== 7 || type !== T.efiVariableAuthority),
      'no authority of db let a boot application run',
    ],
    [
      'an authority that is not in db',
      GOOD_BOOT.with(authorityAt, authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, CERT.stranger))),
      'no authority of db let a boot application run',
    ],
    [
      'an authority that dbx revokes',
      withVariable(4, config(EFI.imageSecurity, 'dbx', signatureList(EFI.x509, [CERT.db]))),
      'no authority of db let a boot application run',
    ],
    [
      'an authority that dbx revokes by its to-be-signed part',
      withVariable(
        4,
        config(
          EFI.imageSecurity,
          'dbx',
          signatureList(EFI.x509Sha256, [concatBytes(digest('sha256', CERT.db.subarray(4)), new Uint8Array(16))]),
        ),
      ),
      'no authority of db let a boot application run',
    ],
    [
      'no image',
      GOOD_BOOT.filter(({ pcr, type }) => pcr !== 4 || type !== T.efiBootServicesApplication),
      'no boot application was measured',
    ],
  ])('is not proven with %s', (_what, events, doubt) => {
    expect(doubtsOf(events)).toEqual([doubt]);
  });

  test('is not proven by a db without entries, which has no authority either', () => {
    expect(doubtsOf(withVariable(3, config(EFI.imageSecurity, 'db', empty)))).toEqual([
      'db is empty',
      'no authority of db let a boot application run',
    ]);
  });

  test('may rest on an image’s own digest in db', () => {
    const own = Buffer.alloc(32, 9);
    const db = concatBytes(signatureList(EFI.x509, [CERT.db]), signatureList(EFI.sha256, [own]));
    const events = withVariable(3, config(EFI.imageSecurity, 'db', db)).with(
      authorityAt,
      authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, own)),
    );
    expect(doubtsOf(events)).toEqual([]);
    const revoked = events.map((event) =>
      event === SECURE_BOOT_VARIABLES[4] ? config(EFI.imageSecurity, 'dbx', signatureList(EFI.sha256, [own])) : event,
    );
    expect(doubtsOf(revoked)).toEqual(['no authority of db let a boot application run']);
  });

  test('is not known unless PCRs 4 and 7 are verified', () => {
    for (const pcr of [4, 7]) {
      const policyPcrs = [0, 1, 2, 3, 4, 5, 6, 7].filter((other) => other !== pcr);
      expect(bootFacts(verifiedBoot(GOOD_BOOT, { policyPcrs })).secureBoot).toBeUndefined();
    }
  });

  test('knows the level that shim enforces, and what is none', () => {
    expect(factsOf(GOOD_BOOT).secureBoot?.sbat).toEqual({
      date: '2025021800',
      generations: [
        ['shim', 4],
        ['grub', 5],
      ],
    });
    const sbatAt = GOOD_BOOT.findIndex(({ data }) => Buffer.from(data).includes('SbatLevel', 0, 'utf16le'));
    expect(factsOf(GOOD_BOOT.toSpliced(sbatAt, 1)).secureBoot?.sbat).toBeUndefined();
    const other = authority(EFI.shim, 'SbatLevel', utf8('sbat,1,2030010100\n'));
    expect(factsOf(GOOD_BOOT.toSpliced(sbatAt, 0, other)).secureBoot?.sbat).toBe('unreadable');
    const bad = authority(EFI.shim, 'SbatLevel', utf8('sbat,2,2030010100\n'));
    expect(factsOf(GOOD_BOOT.with(sbatAt, bad)).secureBoot?.sbat).toBe('unreadable');
    const another = authority(EFI.owner, 'SbatLevel', utf8('sbat,1,2030010100\n'));
    expect(factsOf(GOOD_BOOT.with(sbatAt, another)).secureBoot?.sbat).toBeUndefined();
  });

  test('names certificates by fingerprint', () => {
    expect(factsOf(GOOD_BOOT).secureBoot).toMatchObject({
      pk: { certificates: [sha256Hex(CERT.platform)] },
      db: { certificates: [sha256Hex(CERT.db)] },
      dbx: { imageDigests: [sha256Hex(utf8('a revoked image'))] },
      authorities: [
        { variable: 'db', fingerprint: sha256Hex(CERT.db), inDb: true },
        { variable: 'SbatLevel', fingerprint: undefined },
        { variable: 'Shim', fingerprint: sha256Hex(CERT.vendor), inDb: false },
      ],
    });
  });
});

describe('boot applications', () => {
  test('are in order, with what the firmware itself brought', () => {
    const events = [image('vendor tool'), ...GOOD_BOOT];
    expect(factsOf(events).bootApplications?.map(({ digest: hex, beforeSeparator }) => [hex, beforeSeparator])).toEqual(
      [
        [imageDigest('vendor tool'), true],
        [imageDigest('shim'), false],
        [imageDigest('grub'), false],
        [imageDigest('kernel'), false],
        [imageDigest('kernel'), false],
      ],
    );
  });

  test.each([T.efiBootServicesDriver, T.efiRuntimeServicesDriver, T.compactHash, T.ipl])(
    'are what they are whatever type they claim: 0x%s',
    (type) => {
      const events = GOOD_BOOT.map((event) =>
        event.pcr === 4 && event.type === T.efiBootServicesApplication ? { ...event, type } : event,
      );
      expect(factsOf(events).bootApplications?.length).toBe(4);
    },
  );
});

describe('what GRUB ran', () => {
  const grubOf = (...events: readonly BuiltEvent[]) => factsOf(withPcr(8, ...events)).grub;

  test('is commands, and the kernel’s command line', () => {
    expect(factsOf(GOOD_BOOT).grub).toEqual({
      commands: ['set timeout=0', `linux ${COMMAND_LINE}`],
      commandLines: [COMMAND_LINE],
    });
  });

  test.each([
    ['a path', '/vmlinuz init=/bin/sh'],
    ['a device', '(hd0,gpt2)/vmlinuz init=/bin/sh'],
    ['a block list', '0+1234 init=/bin/sh'],
  ])('has its command line found under another label by %s', (_what, line) => {
    expect(grubOf(grub('grub_cmd: ', line), grub('kernel_cmdline: ', COMMAND_LINE))?.commandLines).toEqual([
      line,
      COMMAND_LINE,
    ]);
    expect(grubOf(grub('module_cmdline: ', line))?.commandLines).toEqual([line]);
  });

  test.each(['[ -f /x ]', 'x=1', '_x=1', '! true', '. (hd0)/x.cfg', 'source /x'])('has commands like %s', (command) => {
    expect(grubOf(grub('grub_cmd: ', command))).toEqual({ commands: [command], commandLines: [] });
    expect(grubOf(grub('kernel_cmdline: ', command))).toEqual({ commands: [], commandLines: [command] });
  });

  test('shows bytes that are no text as what no policy can name', () => {
    const bytes = fromHex('2fff');
    const event = measured(8, T.ipl, concatBytes(utf8('kernel_cmdline: '), bytes), bytes);
    expect(grubOf(event)?.commandLines).toEqual(['/\u{fffd}']);
  });
});

describe('what loaders read', () => {
  test('is PCR 9’s digests, with names that prove nothing', () => {
    expect(factsOf(GOOD_BOOT).loaderFiles).toEqual([
      { digest: fileDigest('grub.cfg'), isKnownCommandLine: false, unverifiedName: '/grub.cfg' },
      { digest: fileDigest('vmlinuz'), isKnownCommandLine: false, unverifiedName: '/vmlinuz' },
      { digest: fileDigest('initrd'), isKnownCommandLine: false, unverifiedName: '/initrd' },
    ]);
  });

  test.each([
    ['GRUB’s', `BOOT_IMAGE=${COMMAND_LINE}`, true],
    ['a stub’s', `${COMMAND_LINE}\0`, true],
    ['another line’s', 'BOOT_IMAGE=/vmlinuz init=/bin/sh', false],
  ])('has %s load options among it', (_what, options, isKnownCommandLine) => {
    const data = concatBytes(fromHex('ec223b8f'), fromHex('02000000'), utf8('x\0'));
    const event = measured(9, T.eventTag, data, Buffer.from(options, 'utf16le'));
    expect(factsOf(withPcr(9, event)).loaderFiles?.map((file) => file.isKnownCommandLine)).toEqual([
      isKnownCommandLine,
    ]);
  });

  test('has the Linux stub’s names', () => {
    const tagged = (id: string, name: string) =>
      measured(
        9,
        T.eventTag,
        concatBytes(fromHex(id), Buffer.of(name.length + 1, 0, 0, 0), utf8(`${name}\0`)),
        utf8(name),
      );
    const files = factsOf(
      withPcr(9, tagged('ed223b8f', 'Linux initrd'), tagged('01020304', 'x'), measured(9, T.eventTag, utf8('bad'))),
    ).loaderFiles;
    expect(files?.map(({ unverifiedName }) => unverifiedName)).toEqual(['Linux initrd', '', '']);
  });
});

describe('a unified kernel image', () => {
  const section = (name: string, content: string) => [
    measured(11, T.ipl, Buffer.from(`${name}\0`, 'utf16le'), utf8(`${name}\0`)),
    measured(11, T.ipl, Buffer.from(`${name}\0`, 'utf16le'), utf8(content)),
  ];
  const ukiOf = (...events: readonly BuiltEvent[]) => factsOf([...GOOD_BOOT, ...events]).uki;

  test('has its sections, by the digests of their names', () => {
    expect(ukiOf(...section('.linux', 'kernel'), ...section('.cmdline', 'quiet')).image).toEqual({
      sections: [
        { name: '.linux', digest: fileDigest('kernel') },
        { name: '.cmdline', digest: fileDigest('quiet') },
      ],
      otherEvents: 0,
      bootPhases: [],
    });
  });

  test('counts what is no section', () => {
    const other = measured(11, T.ipl, utf8('x'), utf8('x'));
    expect(ukiOf(other, ...section('.linux', 'kernel')).image).toMatchObject({
      otherEvents: 1,
      sections: [{ name: '.linux' }],
    });
    expect(ukiOf(...section('.linux', 'kernel').slice(0, 1)).image).toMatchObject({ otherEvents: 1, sections: [] });
  });

  test('has command lines and others things from outside', () => {
    const line = measured(12, T.ipl, Buffer.from('quiet ro\0', 'utf16le'));
    const credential = measured(12, T.ipl, Buffer.from('Credentials initrd\0', 'utf16le'), utf8('credential'));
    const extension = measured(13, T.ipl, Buffer.from('sysext\0', 'utf16le'), utf8('extension'));
    expect(ukiOf(line, line, credential, extension)).toMatchObject({
      commandLines: ['quiet ro'],
      overrides: [fileDigest('credential')],
      extensions: [fileDigest('extension')],
    });
  });

  test('is known as far as PCRs 11 to 13 are verified', () => {
    expect(bootFacts(verifiedBoot(GOOD_BOOT, { policyPcrs: [0, 12] })).uki).toEqual({
      image: undefined,
      commandLines: [],
      overrides: [],
      extensions: undefined,
    });
  });
});

describe('a virtual machine’s boot', () => {
  const factsOfVector = (name: string) => {
    const { sha256 } = vectorJson<{ sha256: Record<string, string> }>(`ovmf-debian12/${name}.pcrs.json`);
    const quotedPcrs = new Map([
      ...quotedAfter([]),
      ...Object.entries(sha256).map(([pcr, value]) => [Number(pcr), value] as const),
    ]);
    const log = vectorBytes(`ovmf-debian12/${name}.evl`);
    const policyPcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13];
    const outcome = verifyEventLog({ log, bank: 'sha256', policyPcrs, quotedPcrs });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.denials));
    return bootFacts(outcome.log);
  };

  test('by shim and GRUB has Secure Boot on', () => {
    const facts = factsOfVector('good');
    expect(facts.secureBoot).toMatchObject({
      proven: true,
      sbat: { date: '2025021800' },
      authorities: [{ variable: 'db', inDb: true }, { variable: 'SbatLevel' }, { variable: 'MokListRT', inDb: false }],
    });
    expect(facts.grub?.commandLines).toEqual(['/vmlinuz console=ttyS0 ima_policy=tcb ima_hash=sha256 panic=1']);
    expect(facts.bootApplications?.map(({ unverifiedPath }) => unverifiedPath)).toEqual([
      String.raw`\EFI\BOOT\BOOTX64.EFI`,
      String.raw`\EFI\BOOT\grubx64.efi`,
      undefined,
      undefined,
    ]);
    expect([facts.exitBootServices, facts.warnings]).toEqual(['logged', []]);
  });

  test('whose kernel QEMU handed over has not, though the variable says so', () => {
    expect(factsOfVector('kernel-shortcut').secureBoot).toMatchObject({
      variable: 'on',
      proven: false,
      doubts: ['no authority of db let a boot application run', 'no boot application was measured'],
    });
  });
});

test('a partition table that is none is left out of the disks', () => {
  const events = GOOD_BOOT.toSpliced(-2, 0, measured(5, T.efiGptEvent, utf8('EFI PART')));
  expect(factsOf(events).disks).toEqual([]);
  expect(bootFacts(verifiedBoot(GOOD_BOOT, { policyPcrs: [4] })).disks).toBeUndefined();
});

test('a certificate in the lab’s form has the length it says', () => {
  expect(fakeCertificate('x').byteLength).toBe(4 + 0x284);
  expect(toHex(CERT.db)).not.toBe(toHex(CERT.vendor));
});
