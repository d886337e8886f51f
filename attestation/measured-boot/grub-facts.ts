import { type Bytes, concatBytes, toHex } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { LINUX_TAG, parseTaggedEvent } from '#tpm2/event-log/tagged-event.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import { isLabelledCommandLine } from './bind-event.ts';
import type { VerifiedEvent, VerifiedEventLog } from './verified-event-log.ts';

/** What GRUB ran. Strings are UTF-8; bytes that are not show as replacement characters, which no policy can name. */
export interface GrubFacts {
  /** In order. */
  readonly commands: readonly string[];
  /** Of kernels, without GRUB's label: the kernel's path and its parameters. In order. */
  readonly commandLines: readonly string[];
}

const COMMAND_PCR = 8;
const FILE_PCR = 9;

/**
 * PCR 8's strings, each proven; undefined if PCR 8 is not verified. Which of them is a kernel's command line is by its label, or by a first
 * character that no GRUB command has (a path, a device, a block list): a label alone could be changed, to hide the line that the kernel got.
 */
export function readGrubFacts({ events }: VerifiedEventLog): GrubFacts | undefined {
  const ofPcr = events.get(COMMAND_PCR);
  if (ofPcr === undefined) return undefined;
  const strings = ofPcr.map(({ bound = new Uint8Array(), unverifiedData }) => {
    const text = Buffer.from(bound.buffer, bound.byteOffset, bound.byteLength).toString('utf8');
    return { text, isCommandLine: isLabelledCommandLine(unverifiedData) || !GRUB_COMMAND.test(text) };
  });
  const texts = (isCommandLine: boolean): readonly string[] =>
    strings.filter((string) => string.isCommandLine === isCommandLine).map(({ text }) => text);
  return { commands: texts(false), commandLines: texts(true) };
}

const GRUB_COMMAND = /^[A-Za-z_[!{}.]/;

/** A file that a loader read, or what the Linux EFI stub measured. */
export interface LoaderFileFact {
  readonly digest: string;
  /** True if the digest is that of load options with a command line that PCR 8 or 12 proves: it needs no reference value of its own. */
  readonly isKnownCommandLine: boolean;
  readonly unverifiedName: string;
}

/** PCR 9's digests in order; undefined if PCR 9 is not verified. What each is of, only the log says. */
export function readLoaderFiles(
  { events, bank }: VerifiedEventLog,
  commandLines: readonly string[],
): readonly LoaderFileFact[] | undefined {
  const ofPcr = events.get(FILE_PCR);
  if (ofPcr === undefined) return undefined;
  const loadOptions = new Set(commandLines.flatMap((line) => loadOptionsDigests(line, bank)));
  return ofPcr.map((event) => {
    const hex = toHex(event.digest);
    return { digest: hex, isKnownCommandLine: loadOptions.has(hex), unverifiedName: nameOf(event) };
  });
}

/** Digests of the load options that a kernel with this command line may be started with: UTF-16LE, with and without its NUL. */
export function loadOptionsDigests(commandLine: string, bank: HashName): readonly string[] {
  return [commandLine, `BOOT_IMAGE=${commandLine}`].flatMap((text) => {
    const utf16 = Buffer.from(text, 'utf16le');
    return [utf16, concatBytes(utf16, new Uint8Array(2))].map((bytes) => toHex(digest(bank, bytes)));
  });
}

function nameOf({ unverifiedType, unverifiedData }: VerifiedEvent): string {
  if (unverifiedType === EVENT_TYPE.ipl) return latin1(unverifiedData);
  try {
    const { id, data } = parseTaggedEvent(unverifiedData);
    return Object.values<number>(LINUX_TAG).includes(id) ? latin1(data) : '';
  } catch (error) {
    if (error instanceof Tpm2FormatError) return '';
    throw error;
  }
}

const latin1 = (bytes: Bytes): string => Buffer.from(bytes).toString('latin1').replace(/\0$/, '');
