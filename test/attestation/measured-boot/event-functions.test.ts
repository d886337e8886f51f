import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { authorityFrom } from '#attestation/measured-boot/authority.ts';
import { bindEvent } from '#attestation/measured-boot/bind-event.ts';
import { readBootDisks } from '#attestation/measured-boot/boot-disk-facts.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { eventTypeName, isGovernedByLog, mayHaveType } from '#attestation/measured-boot/event-grammar.ts';
import { checkAfterExitBootServices, exitBootServicesLogged } from '#attestation/measured-boot/exit-boot-services.ts';
import { sameBytes, startsWith } from '#attestation/measured-boot/same-bytes.ts';
import { readSecureBootEvents } from '#attestation/measured-boot/secure-boot-events.ts';
import { readSecureBootFacts } from '#attestation/measured-boot/secure-boot-facts.ts';
import { checkSeparators } from '#attestation/measured-boot/separators.ts';
import { readUkiFacts } from '#attestation/measured-boot/uki-facts.ts';
import type { VerifiedEvent } from '#attestation/measured-boot/verified-event-log.ts';
import {
  action,
  authority,
  CERT,
  config,
  EFI,
  GOOD_BOOT,
  measured,
  SECURE_BOOT_VARIABLES,
  separator,
  signatureList,
  verifiedBoot,
} from '#test/lab/boot-log.ts';
import { type BuiltEvent, littleEndian } from '#test/lab/event-log-builder.ts';
import { EFI_ACTION } from '#tpm2/event-log/efi-action.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const LOG = verifiedBoot(GOOD_BOOT);

/** Events as a verified log has them, each bound whole; the index is the place in the list. */
const verified = (events: readonly BuiltEvent[]): readonly VerifiedEvent[] =>
  events.map(({ pcr, type, data }, index) => ({
    index,
    pcr,
    digest: digest('sha256', data),
    bound: data,
    unverifiedType: type,
    unverifiedData: data,
  }));

test('bytes are the same only in the same number', () => {
  const [a, ab, b] = [Buffer.of(1), Buffer.of(1, 2), Buffer.of(2)];
  expect([sameBytes(a, Buffer.of(1)), sameBytes(a, ab), sameBytes(ab, a), sameBytes(a, b)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect([startsWith(ab, a), startsWith(a, ab), startsWith(ab, b), startsWith(a, new Uint8Array())]).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('what a loader logs is a description, but for GRUB’s strings and what overrides a stub', () => {
  const data = utf8('x');
  const bind = (pcr: number) =>
    bindEvent(
      { pcr, digests: {}, unverifiedType: EVENT_TYPE.ipl, unverifiedData: data },
      digest('sha256', data),
      'sha256',
    );
  expect([bind(9), bind(11), bind(14)]).toEqual(Array(3).fill({ bound: undefined, padded: false }));
  expect(bind(12)).toMatchObject({ bound: data });
});

describe('the contents of an authority', () => {
  const kindOf = (data: Uint8Array) => authorityFrom({ guid: '', name: '', data }, true).content.kind;
  const owned = (data: Uint8Array) => concatBytes(EFI.owner, data);
  test.each([
    ['a certificate', CERT.db, 'certificate'],
    ['a certificate and its owner', owned(CERT.db), 'certificate'],
    ['a certificate that is cut', CERT.db.subarray(0, -1), 'data'],
    ['a certificate with a byte after it', concatBytes(CERT.db, Buffer.of(0)), 'data'],
    ['a set in its place', concatBytes(Buffer.of(0x31), CERT.db.subarray(1)), 'data'],
    ['one of a length in another form', concatBytes(Buffer.of(0x30, 0x83), CERT.db.subarray(2)), 'data'],
    ['nothing', new Uint8Array(), 'data'],
    ['the start of a certificate’s header', fromHex('3082'), 'data'],
    ['most of it', fromHex('308201'), 'data'],
    ['a digest and its owner', owned(new Uint8Array(32)), 'image-digest'],
    ['a digest without one', new Uint8Array(32), 'data'],
    ['a shorter digest', owned(new Uint8Array(31)), 'data'],
  ])('%s', (_what, data, kind) => {
    expect(kindOf(data)).toBe(kind);
  });
});

describe('the sections of a unified kernel image', () => {
  const uki = (...contents: readonly string[]) => {
    const events = contents.map((text) => measured(11, EVENT_TYPE.ipl, utf8(text)));
    return readUkiFacts({ ...LOG, events: new Map([[11, verified(events)]]) }).image;
  };

  test.each([
    '.linux',
    '.osrel',
    '.cmdline',
    '.initrd',
    '.ucode',
    '.splash',
    '.dtb',
    '.dtbauto',
    '.hwids',
    '.efifw',
    '.uname',
    '.sbat',
    '.pcrpkey',
    '.profile',
  ])('%s is known by its name and a NUL', (name) => {
    expect(uki(`${name}\0`, 'x')).toMatchObject({
      sections: [{ name, digest: toHex(digest('sha256', utf8('x'))) }],
      otherEvents: 0,
    });
    expect(uki(name, 'x')).toMatchObject({ sections: [], otherEvents: 2 });
  });

  test('no events are no sections, and a name without contents is another event', () => {
    expect(uki()).toMatchObject({ sections: [], otherEvents: 0 });
    expect(uki('.linux\0')).toMatchObject({ sections: [], otherEvents: 1 });
  });
});

describe('the variables of PCR 7', () => {
  const read = (before: readonly BuiltEvent[], after: readonly BuiltEvent[] = []) =>
    readSecureBootEvents(verified([...SECURE_BOOT_VARIABLES, ...before, separator(7), ...after]));
  const driver = concatBytes(EFI.owner, CERT.db);

  test.each([
    ['another vendor’s SetupMode is no mode', [config(EFI.owner, 'SetupMode', fromHex('0102'))]],
    ['another vendor’s PK is not PK', [config(EFI.owner, 'PK', Buffer.of(1))]],
    ['another name is not PK', [config(EFI.global, 'BootOrder', Buffer.of(1))]],
    ['another name of db’s vendor is not db', [config(EFI.imageSecurity, 'dbt', Buffer.of(1))]],
  ])('%s', (_what, before) => {
    expect(read(before)).toMatchObject({ variables: { secureBoot: 'on' }, modes: new Map(), driverAuthorities: [] });
  });

  test.each([
    ['an authority under the name dbx', [authority(EFI.imageSecurity, 'dbx', driver)]],
    ['an authority of another vendor under the name db', [authority(EFI.global, 'PK', driver)]],
    ['SecureBoot, and what it was', [config(EFI.global, 'SecureBoot', Buffer.of(0))]],
  ])('%s is refused', (_what, events) => {
    expect(read(events)).toMatchObject({ code: 'event-log-grammar', pcr: 7 });
    expect(read([], events)).toMatchObject({ code: 'event-log-grammar', pcr: 7 });
  });

  test('a database counts as shim’s only under shim’s vendor and name', () => {
    const list = signatureList(EFI.x509, [CERT.stranger], EFI.shim);
    const outcome = read(
      [],
      [
        config(EFI.shim, 'MokList', list),
        config(EFI.shim, 'Other', list),
        config(EFI.owner, 'MokList', list),
        config(EFI.shim, 'MokListX', utf8('short')),
      ],
    );
    expect(outcome).toMatchObject({
      shimDatabases: [{ name: 'MokList' }],
      authorities: [{ variable: 'Other' }, { variable: 'MokList' }, { variable: 'MokListX' }],
    });
  });

  test('variables in another order are named as they came', () => {
    const [first, second, ...rest] = SECURE_BOOT_VARIABLES;
    if (!first || !second) throw new Error('five variables');
    expect(readSecureBootEvents(verified([second, first, ...rest, separator(7)]))).toMatchObject({
      code: 'event-log-grammar',
      found: 'PK, SecureBoot, KEK, db, dbx',
    });
  });

  test('an action that is not one of PCR 7 is refused, and named', () => {
    expect(read([action(7, 'x')])).toMatchObject({ code: 'event-log-grammar', found: 'x' });
  });
});

describe('what PCR 7 proves', () => {
  const APPLICATIONS = bootFacts(LOG).bootApplications;
  const events = LOG.secureBoot;
  if (events === undefined || events.variables === undefined) throw new Error('the lab’s boot has PCR 7');
  const { variables } = events;
  const none = { certificates: [], imageDigests: [], certificateDigests: [], others: 0 };
  const factsOf = (change: Partial<typeof events>, applications = APPLICATIONS) =>
    readSecureBootFacts({ ...LOG, secureBoot: { ...events, ...change } }, applications);
  const withDatabase = (name: 'pk' | 'kek' | 'db' | 'dbx', change: object) =>
    factsOf({ variables: { ...variables, [name]: { ...variables[name], ...change } } });

  test('each mode under its own name', () => {
    const modes = new Map([
      ['SetupMode', false],
      ['AuditMode', false],
      ['DeployedMode', true],
    ]);
    expect(factsOf({ modes })).toMatchObject({ setupMode: false, auditMode: false, deployedMode: true, proven: true });
  });

  test('no variables are empty databases, and nothing is proven', () => {
    expect(factsOf({ variables: undefined })).toMatchObject({
      proven: false,
      variable: 'not-measured',
      pk: none,
      kek: none,
      db: none,
      dbx: none,
    });
  });

  test.each(['certificates', 'imageDigests', 'certificateDigests'] as const)(
    'a PK of %s alone is not empty',
    (kind) => {
      const entries = kind === 'certificates' ? [CERT.platform] : ['ab'.repeat(32)];
      expect(withDatabase('pk', { ...none, [kind]: entries })?.doubts).toEqual([]);
    },
  );

  test('a PK of other entries alone is not empty, and one of none is', () => {
    expect(withDatabase('pk', { ...none, others: 1 })?.doubts).toEqual([]);
    expect(withDatabase('pk', none)?.doubts).toEqual(['PK is empty']);
  });

  test('a boot application before the separator is none that was booted', () => {
    const own = (APPLICATIONS ?? []).map((fact) => ({ ...fact, beforeSeparator: true }));
    expect(factsOf({}, own)?.doubts).toEqual(['no boot application was measured']);
    const [first, ...rest] = own;
    const mixed = first === undefined ? [] : [{ ...first, beforeSeparator: false }, ...rest];
    expect(factsOf({}, mixed)?.doubts).toEqual([]);
  });

  test('revocation by the to-be-signed part takes a certificate that has none for revoked', () => {
    const odd = fromHex('30820100').subarray();
    const der = concatBytes(odd, new Uint8Array(256).fill(0xff));
    const certificate = { guid: '', variable: 'db', exact: true, content: { kind: 'certificate', der } } as const;
    const inDb = (certificateDigests: readonly string[]) =>
      factsOf({
        authorities: [certificate],
        variables: {
          ...variables,
          db: { ...variables.db, certificates: [der] },
          dbx: { ...variables.dbx, certificateDigests },
        },
      })?.authorities.map((fact) => fact.inDb);
    expect(inDb([])).toEqual([true]);
    expect(inDb(['ab'.repeat(32)])).toEqual([false]);
  });

  test('revocation by the to-be-signed part is of that certificate alone', () => {
    const der = CERT.db;
    const certificate = { guid: '', variable: 'db', exact: true, content: { kind: 'certificate', der } } as const;
    const inDb = (certificateDigests: readonly string[]) =>
      factsOf({
        authorities: [certificate],
        variables: {
          ...variables,
          db: { ...variables.db, certificates: [der] },
          dbx: { ...variables.dbx, certificateDigests },
        },
      })?.authorities.map((fact) => fact.inDb);
    expect(inDb(['ab'.repeat(32)])).toEqual([true]);
    expect(inDb([toHex(digest('sha256', der.subarray(4)))])).toEqual([false]);
  });

  test('an SBAT level is data, and one only', () => {
    const level = (text: string) =>
      ({
        guid: '605dab50-e046-4300-abb6-3dd810dd8b23',
        variable: 'SbatLevel',
        exact: true,
        content: { kind: 'data', data: utf8(text) },
      }) as const;
    const good = level('sbat,1,2021030218\n');
    expect(factsOf({ authorities: [good] })?.sbat).toEqual({ date: '2021030218', generations: [] });
    expect(factsOf({ authorities: [good, good] })?.sbat).toBe('unreadable');
    expect(factsOf({ authorities: [level('x')] })?.sbat).toBe('unreadable');
    expect(factsOf({ authorities: [{ ...good, guid: '' }] })?.sbat).toBeUndefined();
    const content = { kind: 'image-digest', sha256: 'ab'.repeat(32) } as const;
    expect(factsOf({ authorities: [{ ...good, content }] })?.sbat).toBe('unreadable');
  });
});

describe('the disks that were booted from', () => {
  const table = concatBytes(
    utf8('EFI PART'),
    new Uint8Array(48),
    EFI.global,
    new Uint8Array(12),
    littleEndian(128, 4),
    new Uint8Array(4),
    littleEndian(0, 8),
  );
  const disks = (...events: readonly BuiltEvent[]) =>
    readBootDisks({ ...LOG, events: new Map([[5, verified(events)]]) })?.map(({ guid }) => guid);

  test('are those of well-formed tables in GPT events', () => {
    const gpt = (data: Uint8Array) => measured(5, EVENT_TYPE.efiGptEvent, data);
    expect(disks(gpt(table))).toEqual(['8be4df61-93ca-11d2-aa0d-00e098032b8c']);
    expect(disks(gpt(table.subarray(1)))).toEqual([]);
    expect(disks(measured(5, EVENT_TYPE.ipl, table))).toEqual([]);
    expect(disks()).toEqual([]);
    expect(readBootDisks({ ...LOG, events: new Map() })).toBeUndefined();
  });
});

test('the PCRs that a log proves are listed in their order', () => {
  expect(bootFacts({ ...LOG, pcrs: new Set([14, 7, 4, 11, 0]) }).pcrs).toEqual([0, 4, 7, 11, 14]);
});

test('an event’s type has its name, or its number', () => {
  expect([EVENT_TYPE.separator, EVENT_TYPE.efiGptEvent, 0x12345678].map(eventTypeName)).toEqual([
    'separator',
    'efiGptEvent',
    '0x12345678',
  ]);
  expect([mayHaveType(0, EVENT_TYPE.separator), mayHaveType(10, EVENT_TYPE.ipl), mayHaveType(0, 0x12345678)]).toEqual([
    true,
    false,
    false,
  ]);
  expect([0, 9, 10, 14, 15].map(isGovernedByLog)).toEqual([true, true, false, true, false]);
});

describe('the end of the boot', () => {
  const INVOKED = action(5, EFI_ACTION.exitBootServicesInvocation);
  const FAILED = action(5, EFI_ACTION.exitBootServicesFailed);
  const DONE = action(5, EFI_ACTION.exitBootServicesSucceeded);
  const blob = (pcr: number) => measured(pcr, EVENT_TYPE.ipl, utf8('x'));

  test.each([
    ['invoked and done', [INVOKED, DONE], 'logged'],
    ['failed, and then done', [INVOKED, FAILED, INVOKED, DONE], 'logged'],
    ['done, with other events after it', [INVOKED, DONE, blob(5)], 'logged'],
    ['done, though not invoked', [DONE], 'missing'],
    ['failed', [INVOKED, FAILED], 'missing'],
    ['in the data of another type', [INVOKED, { ...DONE, type: EVENT_TYPE.ipl }], 'missing'],
    ['nowhere', [], 'missing'],
  ])('%s', (_what, events, expected) => {
    expect(exitBootServicesLogged(verified(events))).toBe(expected);
  });

  const lateIn = (...events: readonly BuiltEvent[]) => {
    const all = verified(events);
    const byPcr = new Map(
      [...new Set(all.map(({ pcr }) => pcr))].map((pcr) => [pcr, all.filter((it) => it.pcr === pcr)]),
    );
    return checkAfterExitBootServices(byPcr).map(({ pcr, detail }) => [pcr, detail]);
  };

  test('nothing but its own events follows it in the firmware’s PCRs', () => {
    expect(lateIn(blob(5), blob(4), INVOKED, DONE)).toEqual([]);
    expect(lateIn(INVOKED, FAILED, INVOKED, DONE)).toEqual([]);
    expect(lateIn(INVOKED, DONE, blob(5))).toEqual([[5, 'event 2 comes after ExitBootServices']]);
    expect(lateIn(INVOKED, DONE, blob(4))).toEqual([[4, 'event 2 comes after ExitBootServices']]);
    expect(lateIn(INVOKED, DONE, { ...DONE, pcr: 4 })).toEqual([[4, 'event 2 comes after ExitBootServices']]);
    expect(lateIn(INVOKED, DONE, blob(8), blob(9))).toEqual([]);
    expect(lateIn(blob(4), blob(5))).toEqual([]);
  });
});

describe('separators', () => {
  const found = (...events: readonly BuiltEvent[]) =>
    checkSeparators(4, verified(events), 'sha256').map((denial) => [denial.found, denial.detail]);

  test('say what is wrong with them', () => {
    expect(found(separator(4))).toEqual([]);
    expect(found(separator(4, '00000001'))).toEqual([['00000001', 'the firmware reports an error (event 0)']]);
    expect(found(separator(4, '00000002'))).toEqual([['00000002', 'not a separator’s data (event 0)']]);
    expect(found()).toEqual([['0', 'not exactly one separator']]);
    expect(found(separator(4), separator(4))).toEqual([['2', 'not exactly one separator']]);
    expect(found(separator(4), measured(4, EVENT_TYPE.ipl, fromHex('00000000')))).toEqual([
      ['ipl', 'a separator’s digest (event 1)'],
    ]);
  });
});
