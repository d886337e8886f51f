import { fromHex, utf8 } from '#core/bytes.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { verifyIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import { FalseAcceptError, type FuzzTarget, ownErrors, taken } from '#test/fuzz/engine/fuzz-target.ts';
import { bootLogInput, config, EFI, GOOD_BOOT, quotedAfter, SECURE_BOOT_VARIABLES } from '#test/lab/boot-log.ts';
import { signatureList, uefiVariable } from '#test/lab/boot-log.ts';
import { bootPolicy, GOOD_POLICY } from '#test/lab/boot-policy.ts';
import { eventLog } from '#test/lab/event-log-builder.ts';
import { GOOD_LIST, imaInput, violation } from '#test/lab/ima-list.ts';
import { imaLog } from '#test/lab/ima-log-builder.ts';
import { vectorBytes } from '#test/lab/vectors.ts';
import { parseEventLog } from '#tpm2/event-log.ts';
import { parseGptEvent } from '#tpm2/event-log/gpt.ts';
import { parseImageLoad } from '#tpm2/event-log/image-load.ts';
import { replayEventLog } from '#tpm2/event-log/replay.ts';
import { parseSbatLevel } from '#tpm2/event-log/sbat-level.ts';
import { parseSignatureDatabase } from '#tpm2/event-log/signature-list.ts';
import { parseSpecId } from '#tpm2/event-log/spec-id.ts';
import { parseTaggedEvent } from '#tpm2/event-log/tagged-event.ts';
import { parsePaddedUefiVariable, parseUefiVariable } from '#tpm2/event-log/uefi-variable.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { parseImaLog } from '#tpm2/ima-log.ts';
import { provenPrefix } from '#tpm2/ima-log/replay.ts';
import { parseImaSignature } from '#tpm2/ima-log/signature.ts';

/** The most bytes of a log that reach its parser. */
const LOG_MAX_BYTES = 1_048_576;

const REAL_LOGS = ['event-sd-boot-fedora37.bin', 'event-uefivar.bin', 'short_no_action_eventlog.bin', 'debian-10.bin'];
const BANKS = ['sha256', 'sha384'] as const;
const off = config(EFI.global, 'SecureBoot', Buffer.of(0));
const BAD_BOOT = GOOD_BOOT.map((event) => (event === SECURE_BOOT_VARIABLES[0] ? off : event));
const BAD_LOGS = [eventLog(GOOD_BOOT, BANKS), eventLog(BAD_BOOT, BANKS)];
const BAD_QUOTE = quotedAfter(BAD_BOOT);
const POLICY = bootPolicy(GOOD_POLICY);

/** Where the list goes on after its record of the legacy template, which no other follows. */
const AFTER_LEGACY = 485;
const IMA_RECORDS = [...GOOD_LIST, violation('/var/log/x')];
const IMA_QUOTE = imaInput(IMA_RECORDS).quotedPcrs;

const binary = {
  shape: 'binary',
  maxBytes: 16_384,
  isOwnError: ownErrors(Tpm2FormatError),
} as const satisfies Partial<FuzzTarget>;

/** Event logs, IMA lists and what stands in them. */
export const MEASURED_BOOT_TARGETS: readonly FuzzTarget[] = [
  {
    ...binary,
    name: 'event log',
    maxBytes: LOG_MAX_BYTES,
    seeds: [...REAL_LOGS.map((file) => vectorBytes(`event-logs/${file}`)), vectorBytes('ovmf-debian12/good.evl')],
    read: taken((input) => replayEventLog(parseEventLog(input), 'sha256')),
  },
  {
    ...binary,
    name: 'event log, verified',
    maxBytes: LOG_MAX_BYTES,
    seeds: BAD_LOGS,
    read: (log) => {
      const outcome = verifyEventLog(
        bootLogInput(BAD_BOOT, { log, quotedPcrs: BAD_QUOTE, allowPaddedAuthorities: true }),
      );
      if (outcome.ok && appraiseBoot(bootFacts(outcome.log), POLICY).denials.length === 0) {
        throw new FalseAcceptError('a boot without Secure Boot is taken for one with it');
      }
      return outcome.ok;
    },
  },
  {
    ...binary,
    name: 'TCG_EfiSpecIDEvent',
    seeds: [vectorBytes('event-logs/specid-vendordata.bin').subarray(32)],
    read: taken((input) => parseSpecId(input, 0)),
  },
  {
    ...binary,
    name: 'UEFI_VARIABLE_DATA',
    seeds: [uefiVariable(EFI.global, 'SecureBoot', Buffer.of(1)), uefiVariable(EFI.shim, 'Shim', Buffer.of(1, 0, 0))],
    read: taken((input) => {
      parsePaddedUefiVariable(input);
      parseUefiVariable(input);
    }),
  },
  {
    ...binary,
    name: 'EFI_SIGNATURE_LIST',
    seeds: [
      signatureList(EFI.sha256, [new Uint8Array(32), new Uint8Array(32)]),
      signatureList(EFI.x509, [utf8('certificate')]),
    ],
    read: taken(parseSignatureDatabase),
  },
  {
    ...binary,
    name: 'SBAT level',
    shape: 'text',
    seeds: [utf8('sbat,1,2025021800\nshim,4\ngrub,5\n')],
    read: taken(parseSbatLevel),
  },
  {
    ...binary,
    name: 'UEFI_IMAGE_LOAD_EVENT',
    seeds: [Buffer.concat([new Uint8Array(24), Buffer.of(8, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 0, 127, 255, 4, 0)])],
    read: taken(parseImageLoad),
  },
  {
    ...binary,
    name: 'UEFI_GPT_DATA',
    seeds: [partitionTable()],
    read: taken(parseGptEvent),
  },
  {
    ...binary,
    name: 'TCG_PCClientTaggedEvent',
    seeds: [fromHex('ed223b8f02000000abcd')],
    read: taken(parseTaggedEvent),
  },
  {
    ...binary,
    name: 'IMA list',
    maxBytes: 8_388_608,
    seeds: [vectorBytes('generated-ima/ok.bin'), vectorBytes('ibmtss/imatest.log').subarray(AFTER_LEGACY)],
    read: taken((input) => provenPrefix(parseImaLog(input), { bank: 'sha256', quoted: new Uint8Array(32).fill(7) })),
  },
  {
    ...binary,
    name: 'IMA list, verified',
    maxBytes: 8_388_608,
    seeds: [imaLog(IMA_RECORDS)],
    read: (log) => {
      const outcome = verifyIma(imaInput(IMA_RECORDS, { log, quotedPcrs: IMA_QUOTE }));
      if (outcome.ok && outcome.ima.records.length !== IMA_RECORDS.length) {
        throw new FalseAcceptError('records are proven that were not extended');
      }
      return outcome.ok;
    },
  },
  { ...binary, name: 'IMA signature', seeds: [fromHex('030204112233440002abcd')], read: taken(parseImaSignature) },
];

/** A header that says entries of 128 bytes, the count of one, and the entry. */
function partitionTable(): Buffer {
  const header = Buffer.alloc(92);
  header.write('EFI PART');
  header.writeUInt32LE(128, 84);
  return Buffer.concat([header, Buffer.of(1, 0, 0, 0, 0, 0, 0, 0), Buffer.alloc(128, 0x41)]);
}
