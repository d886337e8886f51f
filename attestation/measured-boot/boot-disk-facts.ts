import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { type GptDisk, parseGptEvent } from '#tpm2/event-log/gpt.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import { BOOT_CONFIG_PCR } from './exit-boot-services.ts';
import type { VerifiedEvent, VerifiedEventLog } from './verified-event-log.ts';

/** The partition tables that firmware measured before it booted from their disks, in order. Undefined if PCR 5 is not verified. */
export function readBootDisks({ events }: VerifiedEventLog): readonly GptDisk[] | undefined {
  return events
    .get(BOOT_CONFIG_PCR)
    ?.map(diskOf)
    .filter((disk) => disk !== undefined);
}

/** No demand is about disks, so that a table which is not well-formed is left out and refuses nobody. */
function diskOf({ unverifiedType, bound }: VerifiedEvent): GptDisk | undefined {
  if (unverifiedType !== EVENT_TYPE.efiGptEvent || bound === undefined) return undefined;
  try {
    return parseGptEvent(bound);
  } catch (error) {
    if (error instanceof Tpm2FormatError) return undefined;
    throw error;
  }
}
