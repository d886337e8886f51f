import { describe, expect, test } from 'vitest';

import { concatBytes, utf8 } from '#core/bytes.ts';
import {
  action,
  authority,
  CERT,
  config,
  EFI,
  GOOD_BOOT,
  image,
  imageDigest,
  named,
  REVOKED_IMAGE,
  SBAT_LEVEL,
  signatureList,
  VENDOR_LIST,
} from '#test/lab/boot-log.ts';
import { bootVerdict } from '#test/lab/boot-policy.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import { measuredBootPolicySchema } from '#protocol/measured-boot-policy.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

describe('T43 Secure Boot that is on, but outdated or undermined', () => {
  const at7 = GOOD_BOOT.findIndex(({ pcr, type }) => pcr === 7 && type === EVENT_TYPE.separator);
  const firmware = (event: BuiltEvent) => GOOD_BOOT.toSpliced(at7, 0, event);
  const replaceVariable = (name: string, event: BuiltEvent) =>
    GOOD_BOOT.map((other) => (other.pcr === 7 && nameOf(other) === name ? event : other));
  const replaceMok = (data: Uint8Array) =>
    GOOD_BOOT.map((other) => (other.pcr === 14 && other.data.byteLength === 8 ? named(14, 'MokList', data) : other));
  const nameOf = ({ data }: BuiltEvent) => {
    const bytes = Buffer.from(data);
    return bytes.byteLength < 32 ? '' : bytes.subarray(32, 32 + 2 * bytes.readUInt32LE(16)).toString('utf16le');
  };

  test('as it should be, is accepted', () => {
    expect(bootVerdict(GOOD_BOOT)).toBe('accepted');
  });

  test.each([
    [
      'a dbx of before the revocation',
      replaceVariable('dbx', config(EFI.imageSecurity, 'dbx', signatureList(EFI.sha256, [new Uint8Array(32)]))),
      ['dbx: dbx-outdated'],
    ],
    [
      'an empty dbx',
      replaceVariable('dbx', config(EFI.imageSecurity, 'dbx', new Uint8Array())),
      ['dbx: dbx-outdated', 'dbx-entries: dbx-outdated'],
    ],
    [
      'a revoked image that booted',
      replaceVariable(
        'dbx',
        config(
          EFI.imageSecurity,
          'dbx',
          signatureList(EFI.sha256, [REVOKED_IMAGE, Buffer.from(imageDigest('shim'), 'hex')]),
        ),
      ),
      ['revoked-images: boot-application-revoked'],
    ],
    [
      'an older SBAT level',
      replaceVariable('SbatLevel', authority(EFI.shim, 'SbatLevel', utf8('sbat,1,2021030218\n'))),
      ['sbat: sbat-outdated'],
    ],
    [
      'an older SBAT date',
      replaceVariable('SbatLevel', authority(EFI.shim, 'SbatLevel', utf8('sbat,1,2024010900\nshim,4\ngrub,5\n'))),
      ['sbat: sbat-outdated'],
    ],
    [
      'an older generation',
      replaceVariable('SbatLevel', authority(EFI.shim, 'SbatLevel', utf8('sbat,1,2025021800\nshim,4\ngrub,4\n'))),
      ['sbat: sbat-outdated'],
    ],
    ['no SBAT level', GOOD_BOOT.filter((event) => event !== SBAT_LEVEL), ['sbat: sbat-outdated']],
    ['two SBAT levels', GOOD_BOOT.toSpliced(GOOD_BOOT.indexOf(SBAT_LEVEL), 0, SBAT_LEVEL), ['sbat: sbat-outdated']],
    [
      'a machine owner key',
      replaceMok(concatBytes(VENDOR_LIST, signatureList(EFI.x509, [CERT.stranger]))),
      ['mok: mok-refused'],
    ],
    [
      'shim told not to verify',
      GOOD_BOOT.toSpliced(-2, 0, named(14, 'MokSBState', Buffer.of(1))),
      ['mok: mok-refused'],
    ],
    [
      'shim told so under a name that is harmless',
      GOOD_BOOT.toSpliced(-2, 0, named(14, 'MokListTrusted', Buffer.of(1))),
      ['mok: mok-refused'],
    ],
    [
      'another authority',
      replaceVariable('Shim', authority(EFI.shim, 'Shim', CERT.stranger)),
      ['authorities: boot-authority-refused', 'mok: mok-refused'],
    ],
    [
      'an option ROM',
      firmware(authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, CERT.db))),
      ['driver-authorities: boot-authority-refused'],
    ],
    ['debug mode', firmware(action(7, 'UEFI Debug Mode')), ['secure-boot: secure-boot-not-proven']],
    ['setup mode', firmware(config(EFI.global, 'SetupMode', Buffer.of(1))), ['secure-boot: secure-boot-not-proven']],
    [
      'no protection against DMA',
      firmware(action(7, 'DMA Protection Disabled')),
      ['dma-protection: dma-protection-disabled'],
    ],
    [
      'an image that is not the policy’s',
      GOOD_BOOT.map((event) =>
        event.pcr === 4 && event.type === EVENT_TYPE.efiBootServicesApplication ? image('other') : event,
      ),
      ['boot-applications: boot-application-refused', 'kernel: kernel-refused'],
    ],
  ] as const)('%s is refused', (_what, events, expected) => {
    expect(bootVerdict(events)).toEqual(expected);
  });

  test.each([
    ['good', []],
    ['kernel-shortcut', ['secure-boot-not-proven']],
  ])('the boot of a virtual machine: %s', (name, expected) => {
    const { sha256 } = vectorJson<{ sha256: Record<string, string> }>(`ovmf-debian12/${name}.pcrs.json`);
    const quotedPcrs = new Map(Object.entries(sha256).map(([pcr, value]) => [Number(pcr), value]));
    const log = vectorBytes(`ovmf-debian12/${name}.evl`);
    const outcome = verifyEventLog({ log, bank: 'sha256', policyPcrs: [4, 5, 7], quotedPcrs });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.denials));
    const { denials } = appraiseBoot(bootFacts(outcome.log), measuredBootPolicySchema.parse({}));
    expect(denials.map(({ code }) => code)).toEqual(expected);
  });
});
