import { toHex } from '#core/bytes.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { claimedImagePath } from '#tpm2/event-log/image-load.ts';

import type { VerifiedEventLog } from './verified-event-log.ts';

/** An image that firmware or a loader ran. */
export interface BootApplicationFact {
  /** Its Authenticode digest. */
  readonly digest: string;
  /** True for what the firmware itself brought, before it turned to the boot options. */
  readonly beforeSeparator: boolean;
  readonly unverifiedPath: string | undefined;
}

const PCR = 4;

/**
 * The images of PCR 4 in order: every event that is neither a separator nor an action, whatever it says it is, for an action's text and a
 * separator's data are bound to their digests and an image's type is not. Undefined if PCR 4 is not verified.
 */
export function readBootApplications({ events }: VerifiedEventLog): readonly BootApplicationFact[] | undefined {
  const ofPcr = events.get(PCR);
  if (ofPcr === undefined) return undefined;
  const separator = ofPcr.findIndex(({ unverifiedType }) => unverifiedType === EVENT_TYPE.separator);
  return ofPcr.flatMap(({ digest, bound, unverifiedData }, at) => {
    if (bound !== undefined) return [];
    const beforeSeparator = at < separator;
    return [{ digest: toHex(digest), beforeSeparator, unverifiedPath: claimedImagePath(unverifiedData) }];
  });
}
