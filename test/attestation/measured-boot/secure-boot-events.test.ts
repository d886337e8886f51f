import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, utf8 } from '#core/bytes.ts';
import {
  action,
  authority,
  bootLogInput,
  CERT,
  config,
  EFI,
  GOOD_BOOT,
  logVerdict,
  measured,
  SECURE_BOOT_VARIABLES,
  separator,
  signatureList,
  verifiedBoot,
} from '#test/lab/boot-log.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const [SECURE_BOOT, PK, KEK, DB, DBX] = SECURE_BOOT_VARIABLES;
if (!SECURE_BOOT || !PK || !KEK || !DB || !DBX) throw new Error('five variables');
const DB_AUTHORITY = authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, CERT.db));

/** A boot whose PCR 7 has these events before and after its separator. */
const boot = (before: readonly BuiltEvent[], after: readonly BuiltEvent[] = [DB_AUTHORITY]): readonly BuiltEvent[] => [
  ...GOOD_BOOT.filter(({ pcr }) => pcr !== 7),
  ...before,
  separator(7),
  ...after,
];
// PCR 5 is left out, for these events are put after ExitBootServices.
const CHANGE = { policyPcrs: [4, 7, 14] };
const verdictOf = (events: readonly BuiltEvent[]) => logVerdict(bootLogInput(events, CHANGE));
const readOf = (events: readonly BuiltEvent[]) => verifiedBoot(events, CHANGE).secureBoot;

const FIVE = [SECURE_BOOT, PK, KEK, DB, DBX];
const GRAMMAR = ['event-log-grammar 7'];

describe('the Secure Boot variables', () => {
  test.each([
    ['as they should be', FIVE, 'accepted'],
    ['none at all', [], 'accepted'],
    ['KEK before PK', [SECURE_BOOT, KEK, PK, DB, DBX], GRAMMAR],
    ['without SecureBoot', [PK, KEK, DB, DBX], GRAMMAR],
    ['without dbx', [SECURE_BOOT, PK, KEK, DB], GRAMMAR],
    ['SecureBoot twice in a row', [SECURE_BOOT, SECURE_BOOT, PK, KEK, DB, DBX], GRAMMAR],
    ['SecureBoot once more at the end', [...FIVE, SECURE_BOOT], GRAMMAR],
    ['db once more at the end', [...FIVE, DB], GRAMMAR],
    ['dbx once more at the end', [...FIVE, DBX], GRAMMAR],
    ['another vendor’s SecureBoot', [config(EFI.owner, 'SecureBoot', Buffer.of(1)), PK, KEK, DB, DBX], GRAMMAR],
    ['db of the wrong vendor', [SECURE_BOOT, PK, KEK, config(EFI.global, 'db', new Uint8Array()), DBX], GRAMMAR],
    ['another variable first', [config(EFI.owner, 'Setup', Buffer.of(1)), ...FIVE], GRAMMAR],
    ['SecureBoot of two bytes', [config(EFI.global, 'SecureBoot', fromHex('0100')), PK, KEK, DB, DBX], GRAMMAR],
    ['SecureBoot of 2', [config(EFI.global, 'SecureBoot', Buffer.of(2)), PK, KEK, DB, DBX], GRAMMAR],
    ['an audit mode', [...FIVE, config(EFI.global, 'AuditMode', Buffer.of(0))], 'accepted'],
    [
      'an audit mode twice',
      [...FIVE, config(EFI.global, 'AuditMode', Buffer.of(0)), config(EFI.global, 'AuditMode', Buffer.of(1))],
      GRAMMAR,
    ],
    ['an audit mode of two bytes', [...FIVE, config(EFI.global, 'AuditMode', fromHex('0001'))], GRAMMAR],
    ['a maker’s own variable', [...FIVE, config(EFI.owner, 'Setup', Buffer.of(1))], 'accepted'],
    ['a driver’s authority', [...FIVE, DB_AUTHORITY], 'accepted'],
    ['an action', [...FIVE, action(7, 'DMA Protection Disabled')], 'accepted'],
    ['an action of another PCR', [...FIVE, action(7, 'Exit Boot Services Invocation')], GRAMMAR],
    [
      'an action in disguise',
      [...FIVE, measured(7, EVENT_TYPE.efiVariableDriverConfig, utf8('UEFI Debug Mode'))],
      ['event-log-malformed'],
    ],
    [
      'a database that is none',
      [SECURE_BOOT, PK, KEK, config(EFI.imageSecurity, 'db', utf8('x')), DBX],
      ['event-log-malformed'],
    ],
  ])('%s', (_what, before, expected) => {
    expect(verdictOf(boot(before))).toEqual(expected);
  });

  test.each([
    ['SecureBoot', SECURE_BOOT],
    ['PK', PK],
    ['db', DB],
    ['dbx', DBX],
    ['a mode', config(EFI.global, 'SetupMode', Buffer.of(0))],
    ['SecureBoot as an authority', authority(EFI.global, 'SecureBoot', Buffer.of(1))],
  ])('do not come after the separator: %s', (_what, event) => {
    expect(verdictOf(boot(FIVE, [DB_AUTHORITY, event]))).toEqual(GRAMMAR);
  });

  test('are read whatever type of event they claim', () => {
    const disguised = FIVE.map((event) => ({ ...event, type: EVENT_TYPE.efiVariableAuthority }));
    const read = readOf(boot(disguised));
    expect([read?.variables?.secureBoot, read?.driverAuthorities]).toEqual(['on', []]);
  });
});

describe('what PCR 7 says', () => {
  test('of the variables, by their contents', () => {
    const read = readOf(boot(FIVE));
    expect(read).toMatchObject({
      variables: {
        secureBoot: 'on',
        db: { certificates: [new Uint8Array(CERT.db)], imageDigests: [], certificateDigests: [], others: 0 },
      },
      authorities: [{ variable: 'db', exact: true, content: { kind: 'certificate', der: new Uint8Array(CERT.db) } }],
      driverAuthorities: [],
      debugMode: false,
      dmaProtectionDisabled: false,
    });
  });

  test('of modes and actions', () => {
    const modes = ['SetupMode', 'AuditMode', 'DeployedMode'].map((name, at) =>
      config(EFI.global, name, Buffer.of(at % 2)),
    );
    const read = readOf(boot([...FIVE, ...modes, action(7, 'UEFI Debug Mode'), action(7, 'DMA Protection Disabled')]));
    expect(Object.fromEntries(read?.modes ?? [])).toEqual({ SetupMode: false, AuditMode: true, DeployedMode: false });
    expect([read?.debugMode, read?.dmaProtectionDisabled]).toEqual([true, true]);
  });

  test('of authorities before and after the separator', () => {
    const digest = Buffer.alloc(32, 7);
    const read = readOf(
      boot(
        [...FIVE, DB_AUTHORITY],
        [
          authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, digest)),
          authority(EFI.shim, 'Shim', CERT.vendor),
          authority(EFI.shim, 'SbatLevel', utf8('sbat,1,2025021800\n')),
        ],
      ),
    );
    expect(read?.driverAuthorities.map(({ content }) => content.kind)).toEqual(['certificate']);
    expect(read?.authorities.map(({ variable, content }) => [variable, content.kind])).toEqual([
      ['db', 'image-digest'],
      ['Shim', 'certificate'],
      ['SbatLevel', 'data'],
    ]);
  });

  test('of databases that an old shim measured here', () => {
    const list = signatureList(EFI.x509, [CERT.stranger], EFI.shim);
    const read = readOf(
      boot(FIVE, [DB_AUTHORITY, config(EFI.shim, 'MokList', list), authority(EFI.shim, 'MokList', CERT.stranger)]),
    );
    expect(read?.shimDatabases.map(({ name }) => name)).toEqual(['MokList']);
    expect(read?.authorities.map(({ variable }) => variable)).toEqual(['db', 'MokList']);
  });
});
