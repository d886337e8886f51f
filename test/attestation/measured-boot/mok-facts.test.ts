import { describe, expect, test } from 'vitest';

import { concatBytes, utf8 } from '#core/bytes.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import {
  CERT,
  config,
  EFI,
  GOOD_BOOT,
  measured,
  named,
  signatureList,
  VENDOR_LIST,
  verifiedBoot,
} from '#test/lab/boot-log.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;
const factsOf = (events: readonly BuiltEvent[]) => bootFacts(verifiedBoot(events));
/** A good boot with the events of one PCR replaced. */
const withPcr = (pcr: number, ...events: readonly BuiltEvent[]): readonly BuiltEvent[] => [
  ...events,
  ...GOOD_BOOT.filter((event) => event.pcr !== pcr),
];

describe('machine owner keys', () => {
  const mok = (list: Uint8Array, ...more: readonly BuiltEvent[]) => withPcr(14, named(14, 'MokList', list), ...more);
  const EMPTY = signatureList(EFI.sha256, [new Uint8Array(32)], EFI.shim);
  const MOK = signatureList(EFI.x509, [CERT.stranger]);

  test.each([
    ['shim’s placeholder for none', EMPTY, 'empty'],
    ['nothing', new Uint8Array(), 'empty'],
    ['the vendor’s certificate', VENDOR_LIST, 'empty'],
    ['a MOK', MOK, 'other'],
    ['the vendor’s certificate and a MOK', concatBytes(VENDOR_LIST, MOK), 'other'],
    [
      'a certificate of db, which shim’s vendor did not build in',
      signatureList(EFI.x509, [CERT.db], EFI.shim),
      'other',
    ],
  ])('of %s', (_what, list, expected) => {
    expect(factsOf(mok(list)).mok).toMatchObject({ list: expected, validationDisabled: false });
  });

  test('by the vendor’s certificate need shim to say that it is the vendor’s', () => {
    const withoutShim = GOOD_BOOT.filter(({ data }) => !Buffer.from(data).includes('Shim', 0, 'utf16le'));
    expect(factsOf(withoutShim).mok).toMatchObject({ list: 'other' });
  });

  test.each([
    ['MokSBState', named(14, 'MokSBState', Buffer.of(1))],
    ['a name twice', named(14, 'MokListX', EMPTY)],
    ['a name that shim does not have', named(14, 'Mok', Buffer.of(1))],
    ['an event of another type', measured(14, T.eventTag, utf8('MokListTrusted'), Buffer.of(1))],
  ])('may have been told to shim with %s', (_what, event) => {
    expect(factsOf([...GOOD_BOOT, event]).mok).toMatchObject({ validationDisabled: true });
  });

  test('are absent where shim is', () => {
    const withoutShim = GOOD_BOOT.filter(
      ({ pcr, data, type }) =>
        pcr !== 14 && !(type === T.efiVariableAuthority && Buffer.from(data).subarray(0, 16).equals(EFI.shim)),
    );
    expect(factsOf(withoutShim).mok).toEqual({ kind: 'absent' });
    expect(factsOf(GOOD_BOOT.filter(({ pcr }) => pcr !== 14)).mok).toMatchObject({ list: 'not-measured' });
    expect(factsOf(withPcr(14, named(14, 'MokListX', EMPTY))).mok).toMatchObject({ list: 'not-measured' });
  });

  const isShims = ({ type, data }: BuiltEvent) =>
    type === T.efiVariableAuthority && Buffer.from(data).subarray(0, 16).equals(EFI.shim);

  test('are not absent where something is in PCR 14, though no authority is shim’s', () => {
    const events = GOOD_BOOT.filter((event) => !isShims(event));
    expect(factsOf(events).mok).toMatchObject({ kind: 'measured', list: 'other' });
    expect(factsOf([...events.filter(({ pcr }) => pcr !== 14), named(14, 'x', MOK)]).mok).toMatchObject({
      kind: 'measured',
      validationDisabled: true,
    });
  });

  test('of an old shim whose list is all that it measured are not absent', () => {
    const rest = GOOD_BOOT.filter((event) => event.pcr !== 14 && !isShims(event));
    const beforeEnd = (...events: readonly BuiltEvent[]) => rest.toSpliced(-2, 0, ...events);
    expect(factsOf(beforeEnd(config(EFI.shim, 'MokList', MOK))).mok).toMatchObject({ list: 'other' });
    expect(factsOf(beforeEnd(config(EFI.shim, 'MokListX', MOK), config(EFI.shim, 'MokList', EMPTY))).mok).toMatchObject(
      {
        list: 'empty',
      },
    );
  });

  test('go by names as they are, but for the NUL that ends them', () => {
    const odd = measured(14, T.ipl, utf8('MokList\0Trusted'), Buffer.of(1));
    const rest = GOOD_BOOT.filter(({ data }) => !Buffer.from(data).includes('MokListTrusted'));
    expect(factsOf([...rest, odd]).mok).toMatchObject({ validationDisabled: true });
    expect(factsOf([...rest, measured(14, T.ipl, utf8('MokListTrusted'), Buffer.of(1))]).mok).toMatchObject({
      validationDisabled: false,
    });
  });

  test('of an old shim are in PCR 7', () => {
    const old = GOOD_BOOT.filter(({ pcr }) => pcr !== 14);
    const at = old.findIndex(({ data }) => Buffer.from(data).includes('SbatLevel', 0, 'utf16le'));
    for (const [list, expected] of [
      [EMPTY, 'empty'],
      [MOK, 'other'],
    ] as const) {
      expect(factsOf(old.toSpliced(at, 0, config(EFI.shim, 'MokList', list))).mok).toMatchObject({ list: expected });
    }
  });

  test('are not known unless PCRs 7 and 14 are verified', () => {
    for (const policyPcrs of [[7], [14]])
      expect(bootFacts(verifiedBoot(GOOD_BOOT, { policyPcrs })).mok).toBeUndefined();
  });
});
