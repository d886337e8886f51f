import type { Bytes } from '#core/bytes.ts';

import { Reader } from '../reader.ts';

/** TCG_PCClientTaggedEvent. */
export interface TaggedEvent {
  readonly id: number;
  readonly data: Bytes;
}

/** Identifiers of the Linux EFI stub's events in PCR 9 (Linux, efistub.h); what it measures is not in the event's data. */
export const LINUX_TAG = { loadOptions: 0x8f3b22ec, initrd: 0x8f3b22ed } as const;

/** The one TCG_PCClientTaggedEvent in `bytes`. Throws Tpm2FormatError. */
export function parseTaggedEvent(bytes: Bytes): TaggedEvent {
  const reader = new Reader(bytes, 'TCG_PCClientTaggedEvent');
  const id = reader.u32Le();
  const data = reader.bytes(reader.u32Le());
  reader.end();
  return { id, data };
}
