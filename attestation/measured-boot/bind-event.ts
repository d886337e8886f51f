import { type Bytes, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import type { LogEvent } from '#tpm2/event-log.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { parseUefiVariable } from '#tpm2/event-log/uefi-variable.ts';

import { sameBytes, startsWith } from './same-bytes.ts';

/** What ties an event's data to its digest. */
export interface Binding {
  /** What the digest is of; undefined where it is of something that the log does not hold, and the data says what at best. */
  readonly bound: Bytes | undefined;
  /** True where the data is one byte longer than what was hashed: a fault of shims before 15.3 and of COS's GRUB. */
  readonly padded: boolean;
}

const T = EVENT_TYPE;

/** Types whose data is what was hashed: anything else is a changed log, or data to be believed that is not. */
const DATA: ReadonlySet<number> = new Set([
  T.separator,
  T.action,
  T.sCrtmVersion,
  T.omitBootDeviceEvents,
  T.efiVariableDriverConfig,
  T.efiVariableBoot2,
  T.efiGptEvent,
  T.efiAction,
  T.efiSpdmDevicePolicy,
  T.efiSpdmDeviceAuthority,
]);

const UNBOUND: Binding = { bound: undefined, padded: false };
const whole = (bound: Bytes): Binding => ({ bound, padded: false });

/**
 * What of `event`'s data its digest `expected` proves, by the rule of the event's type and PCR (PC Client Platform Firmware Profile §10.4.1);
 * 'mismatch' if the rule is that it proves the data, and it does not. Throws Tpm2FormatError where the rule is about a part of malformed data.
 *
 * Types that the profile says are hashed with their data but that real firmware fills with descriptions (EV_NONHOST_INFO,
 * EV_PLATFORM_CONFIG_FLAGS, EV_TABLE_OF_DEVICES and the like) count as descriptions: nothing is ever concluded from them.
 */
export function bindEvent(event: LogEvent, expected: Bytes, bank: HashName): Binding | 'mismatch' {
  const { pcr, unverifiedType: type, unverifiedData: data } = event;
  const isDigestOf = (bytes: Bytes): boolean => sameBytes(digest(bank, bytes), expected);
  if (DATA.has(type)) return isDigestOf(data) ? whole(data) : 'mismatch';
  switch (type) {
    case T.efiVariableBoot:
      return bindBootVariable(data, isDigestOf);
    case T.efiVariableAuthority:
      return bindAuthority(data, isDigestOf);
    case T.ipl:
      if (pcr === GRUB_COMMANDS) return bindGrubString(data, isDigestOf);
      return pcr === STUB_CONFIG && isDigestOf(data) ? whole(data) : UNBOUND;
    default:
      return UNBOUND;
  }
}

/** PCR of GRUB's commands, and PCR of what overrides a unified kernel image's own configuration. */
const GRUB_COMMANDS = 8;
const STUB_CONFIG = 12;

type IsDigestOf = (bytes: Bytes) => boolean;

/** Firmware hashes the variable with its name, or its contents alone. */
function bindBootVariable(data: Bytes, isDigestOf: IsDigestOf): Binding | 'mismatch' {
  const { data: contents } = parseUefiVariable(data);
  if (isDigestOf(contents)) return whole(contents);
  return isDigestOf(data) ? whole(data) : 'mismatch';
}

function bindAuthority(data: Bytes, isDigestOf: IsDigestOf): Binding | 'mismatch' {
  if (isDigestOf(data)) return whole(data);
  const shorter = data.subarray(0, -1);
  return isDigestOf(shorter) ? { bound: shorter, padded: true } : 'mismatch';
}

/** How GRUB labels what it measures; no digest covers a label. The second form is that of Red Hat's GRUB of 2019. */
const GRUB_LABELS = [
  'grub_cmd: ',
  'kernel_cmdline: ',
  'module_cmdline: ',
  'grub_cmd ',
  'grub_kernel_cmdline ',
  'grub_module_cmdline ',
].map(utf8);

/** GRUB hashes the string after its label, as a rule without the NUL that ends it. What is bound never has that NUL. */
function bindGrubString(data: Bytes, isDigestOf: IsDigestOf): Binding | 'mismatch' {
  const label = GRUB_LABELS.find((start) => startsWith(data, start));
  if (label === undefined) return 'mismatch';
  const rest = data.subarray(label.byteLength);
  const text = rest.at(-1) === 0 ? rest.subarray(0, -1) : rest;
  return isDigestOf(text) || isDigestOf(rest) ? whole(text) : 'mismatch';
}

/** The unverified label of a string that GRUB measured. */
export function isLabelledCommandLine(data: Bytes): boolean {
  return COMMAND_LINE_LABELS.some((start) => startsWith(data, start));
}

const COMMAND_LINE_LABELS = ['kernel_cmdline', 'grub_kernel_cmdline'].map(utf8);
