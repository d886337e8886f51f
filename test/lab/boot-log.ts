import { type Bytes, concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest, DIGEST_SIZE, type HashName } from '#core/digest.ts';
import { type EventLogInput, verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import type { VerifiedEventLog } from '#attestation/measured-boot/verified-event-log.ts';
import type { DenialCode } from '#attestation/result.ts';
import { algOfHash } from '#tpm2/constants.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { PcrRegister, resetValue } from '#tpm2/pcr-register.ts';

import { type BuiltEvent, eventLog, littleEndian } from './event-log-builder.ts';

const T = EVENT_TYPE;

/** EFI_GUIDs as they are encoded. */
export const EFI = {
  global: fromHex('61dfe48bca93d211aa0d00e098032b8c'),
  imageSecurity: fromHex('cbb219d73a3d9645a3bcdad00e67656f'),
  shim: fromHex('50ab5d6046e00043abb63dd810dd8b23'),
  x509: fromHex('a159c0a5e494a74a87b5ab155c2bf072'),
  sha256: fromHex('2616c4c14c509240aca941f936934328'),
  x509Sha256: fromHex('92a4d23bc0967940b420fcf98ef103ed'),
  owner: fromHex('00112233445566778899aabbccddeeff'),
};

/** A UEFI_VARIABLE_DATA. */
export function uefiVariable(guid: Bytes, name: string, data: Bytes): Bytes {
  return concatBytes(
    guid,
    littleEndian(name.length, 8),
    littleEndian(data.byteLength, 8),
    Buffer.from(name, 'utf16le'),
    data,
  );
}

/** An EFI_SIGNATURE_LIST of entries of one size. */
export function signatureList(type: Bytes, entries: readonly Bytes[], owner: Bytes = EFI.owner): Bytes {
  const size = 16 + (entries[0]?.byteLength ?? 1);
  return concatBytes(
    type,
    littleEndian(28 + size * entries.length, 4),
    littleEndian(0, 4),
    littleEndian(size, 4),
    ...entries.map((entry) => concatBytes(owner, entry)),
  );
}

/** Bytes in the form of a certificate, told apart by `seed`; no code under test looks further. */
export function fakeCertificate(seed: string): Bytes {
  const body = concatBytes(...Array.from({ length: 20 }, (_, at) => digest('sha256', utf8(`${seed} ${at}`))));
  const tbs = concatBytes(fromHex('30820280'), body);
  return concatBytes(fromHex('30820284'), tbs);
}

/** The certificates of the lab's Secure Boot: what is in db, what shim's vendor built in, and one that is in neither. */
export const CERT = {
  platform: fakeCertificate('PK'),
  db: fakeCertificate('db'),
  vendor: fakeCertificate('vendor'),
  stranger: fakeCertificate('stranger'),
};

export const REVOKED_IMAGE = digest('sha256', utf8('a revoked image'));
export const COMMAND_LINE = '/vmlinuz root=/dev/vda1 ro ima_policy=tcb';

/** An event whose digest, in both banks of the lab, is of `content`, which is its data unless given. */
export function measured(pcr: number, type: number, data: Bytes, content: Bytes = data): BuiltEvent {
  const digests = (['sha256', 'sha384'] as const).map((bank) => [algOfHash(bank), digest(bank, content)] as const);
  return { pcr, type, data, digests };
}

export const separator = (pcr: number, data = '00000000'): BuiltEvent => measured(pcr, T.separator, fromHex(data));
export const action = (pcr: number, text: string): BuiltEvent => measured(pcr, T.efiAction, utf8(text));
export const config = (guid: Bytes, name: string, data: Bytes, pcr = 7): BuiltEvent =>
  measured(pcr, T.efiVariableDriverConfig, uefiVariable(guid, name, data));
export const authority = (guid: Bytes, name: string, data: Bytes): BuiltEvent =>
  measured(7, T.efiVariableAuthority, uefiVariable(guid, name, data));
/** An image in PCR 4, with an empty device path. */
export const image = (name: string, pcr = 4): BuiltEvent =>
  measured(pcr, T.efiBootServicesApplication, new Uint8Array(32), utf8(`image ${name}`));
export const imageDigest = (name: string, bank: HashName = 'sha256'): string =>
  toHex(digest(bank, utf8(`image ${name}`)));
export const grub = (label: string, text: string): BuiltEvent =>
  measured(8, T.ipl, utf8(`${label}${text}\0`), utf8(text));
/** A file that a loader read, or another thing that only a name is logged of. */
export const named = (pcr: number, name: string, content: Bytes): BuiltEvent =>
  measured(pcr, T.ipl, utf8(`${name}\0`), content);
export const fileDigest = (content: string, bank: HashName = 'sha256'): string => toHex(digest(bank, utf8(content)));

const X509_LIST = (certificate: Bytes): Bytes => signatureList(EFI.x509, [certificate]);

/** The variables that PCR 7 starts with. */
export const SECURE_BOOT_VARIABLES: readonly BuiltEvent[] = [
  config(EFI.global, 'SecureBoot', Buffer.of(1)),
  config(EFI.global, 'PK', X509_LIST(CERT.platform)),
  config(EFI.global, 'KEK', X509_LIST(CERT.platform)),
  config(EFI.imageSecurity, 'db', X509_LIST(CERT.db)),
  config(EFI.imageSecurity, 'dbx', signatureList(EFI.sha256, [REVOKED_IMAGE])),
];

export const SBAT_LEVEL = authority(EFI.shim, 'SbatLevel', utf8('sbat,1,2025021800\nshim,4\ngrub,5\n'));
export const VENDOR_LIST = signatureList(EFI.x509, [CERT.vendor], EFI.shim);

/** A boot with Secure Boot on: firmware, shim, GRUB, kernel. Good in every respect. */
export const GOOD_BOOT: readonly BuiltEvent[] = [
  measured(0, T.sCrtmVersion, utf8('1.0')),
  measured(0, T.efiPlatformFirmwareBlob, new Uint8Array(16), utf8('firmware volume')),
  ...SECURE_BOOT_VARIABLES,
  separator(7),
  action(4, 'Calling EFI Application from Boot Option'),
  ...[0, 1, 2, 3, 4, 5, 6].map((pcr) => separator(pcr)),
  authority(EFI.imageSecurity, 'db', concatBytes(EFI.owner, CERT.db)),
  image('shim'),
  named(14, 'MokList', VENDOR_LIST),
  named(14, 'MokListX', signatureList(EFI.sha256, [new Uint8Array(32)], EFI.shim)),
  SBAT_LEVEL,
  named(14, 'MokListTrusted', Buffer.of(1)),
  authority(EFI.shim, 'Shim', CERT.vendor),
  image('grub'),
  grub('grub_cmd: ', 'set timeout=0'),
  named(9, '/grub.cfg', utf8('grub.cfg')),
  grub('grub_cmd: ', `linux ${COMMAND_LINE}`),
  named(9, '/vmlinuz', utf8('vmlinuz')),
  image('kernel'),
  image('kernel'),
  grub('kernel_cmdline: ', COMMAND_LINE),
  named(9, '/initrd', utf8('initrd')),
  action(5, 'Exit Boot Services Invocation'),
  action(5, 'Exit Boot Services Returned with Success'),
];

/** PCRs that a firmware log governs. */
export const LOG_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14];

export interface QuoteOptions {
  readonly bank?: HashName;
  readonly locality?: number;
}

/** What a TPM holds after these events: every PCR, lower-case hex. EV_NO_ACTION extends nothing. */
export function quotedAfter(
  events: readonly BuiltEvent[],
  { bank = 'sha256', locality = 0 }: QuoteOptions = {},
): ReadonlyMap<number, string> {
  const registers = Array.from({ length: 24 }, (_, pcr) => {
    const initial = resetValue(pcr, bank);
    if (pcr === 0) initial[DIGEST_SIZE[bank] - 1] = locality;
    return new PcrRegister(bank, initial);
  });
  for (const { pcr, type, data, digests } of events) {
    if (type === T.noAction) continue;
    const value = digests?.find(([alg]) => alg === algOfHash(bank))?.[1] ?? digest(bank, data);
    registers[pcr]?.extend(value);
  }
  return new Map(registers.map((register, pcr) => [pcr, toHex(register.value())]));
}

/** A verification of a log of `events`; the quote is of a TPM that these very events went into, unless it is given. */
export function bootLogInput(events: readonly BuiltEvent[], change: Partial<EventLogInput> = {}): EventLogInput {
  const { bank = 'sha256' } = change;
  return {
    log: eventLog(events, ['sha256', 'sha384']),
    bank,
    policyPcrs: LOG_PCRS,
    quotedPcrs: quotedAfter(events, { bank }),
    ...change,
  };
}

/** Each reason once, with its PCR where it has one, or `accepted`. */
export function logVerdict(input: EventLogInput): readonly string[] | 'accepted' {
  const outcome = verifyEventLog(input);
  if (outcome.ok) return 'accepted';
  return [...new Set(outcome.denials.map(({ code, pcr }) => (pcr === undefined ? code : `${code} ${pcr}`)))];
}

/** The codes of `logVerdict` alone. */
export function logCodes(input: EventLogInput): readonly DenialCode[] | 'accepted' {
  const outcome = verifyEventLog(input);
  return outcome.ok ? 'accepted' : [...new Set(outcome.denials.map(({ code }) => code))];
}

/** The verified log of `events`, which must verify. */
export function verifiedBoot(events: readonly BuiltEvent[], change: Partial<EventLogInput> = {}): VerifiedEventLog {
  const outcome = verifyEventLog(bootLogInput(events, change));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.denials));
  return outcome.log;
}

/** `events` with the one at `index` replaced by others. */
export const replaced = (
  events: readonly BuiltEvent[],
  index: number,
  ...others: readonly BuiltEvent[]
): readonly BuiltEvent[] => events.toSpliced(index, 1, ...others);

/** The place of the first event of `GOOD_BOOT` that is `event`. */
export const placeOf = (event: BuiltEvent): number => GOOD_BOOT.indexOf(event);
