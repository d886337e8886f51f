import { concatBytes, toHex, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { utf16 } from '#tpm2/event-log/uefi-variable.ts';

import { UKI_PCR } from './boot-phases.ts';
import { sameBytes } from './same-bytes.ts';
import type { VerifiedEvent, VerifiedEventLog } from './verified-event-log.ts';

/** A section of a unified kernel image, by its contents. */
export interface UkiSectionFact {
  /** Proven, for systemd-stub measures the name too. */
  readonly name: string;
  readonly digest: string;
}

/** What systemd-stub measured; a member is undefined where its PCR is not verified. */
export interface UkiFacts {
  /** PCR 11, in order. */
  readonly image: UkiImageFact | undefined;
  /** Command lines from outside the image that took the place of its own, in PCR 12; the same one twice counts once. */
  readonly commandLines: readonly string[] | undefined;
  /** PCR 12's other digests: credentials, configuration and add-ons. */
  readonly overrides: readonly string[] | undefined;
  /** PCR 13's digests: system extensions. */
  readonly extensions: readonly string[] | undefined;
}

export interface UkiImageFact {
  readonly sections: readonly UkiSectionFact[];
  /** How many events of PCR 11 are not part of a section. */
  readonly otherEvents: number;
  /** Phases of the boot that the running system extended after them. */
  readonly bootPhases: readonly string[];
}

const OVERRIDE_PCR = 12;
const EXTENSION_PCR = 13;

/** Sections that systemd-stub measures (UAPI group, unified kernel image). */
const SECTIONS = [
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
];

/** What PCRs 11, 12 and 13 say, each if it is verified. */
export function readUkiFacts({ events, bank, bootPhases }: VerifiedEventLog): UkiFacts {
  const image = events.get(UKI_PCR);
  const outside = events.get(OVERRIDE_PCR);
  return {
    image: image === undefined ? undefined : { ...readSections(image, bank), bootPhases },
    commandLines: outside && [...new Set(outside.flatMap(({ bound }) => (bound === undefined ? [] : [text(bound)])))],
    overrides: outside?.flatMap(({ bound, digest: value }) => (bound === undefined ? [toHex(value)] : [])),
    extensions: events.get(EXTENSION_PCR)?.map(({ digest: value }) => toHex(value)),
  };
}

const text = (bound: Uint8Array): string => utf16(bound).replace(/\0$/, '');

/** Each section is two events: one with the digest of its name and a NUL, then one with the digest of its contents. */
function readSections(events: readonly VerifiedEvent[], bank: HashName): Omit<UkiImageFact, 'bootPhases'> {
  if (events.length === 0) return { sections: [], otherEvents: 0 };
  const names = SECTIONS.map((name) => ({ name, digest: digest(bank, concatBytes(utf8(name), Buffer.of(0))) }));
  const sections: UkiSectionFact[] = [];
  let otherEvents = 0;
  let name: string | undefined;
  for (const event of events) {
    if (name !== undefined) {
      sections.push({ name, digest: toHex(event.digest) });
      name = undefined;
      continue;
    }
    name = names.find((known) => sameBytes(known.digest, event.digest))?.name;
    if (name === undefined) otherEvents += 1;
  }
  return { sections, otherEvents: otherEvents + (name === undefined ? 0 : 1) };
}
