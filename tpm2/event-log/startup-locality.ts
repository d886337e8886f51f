import { type Bytes, equalBytes, utf8 } from '#core/bytes.ts';

import { Tpm2FormatError } from '../format-error.ts';
import type { LogEvent } from '../event-log.ts';
import { EVENT_TYPE } from './event-type.ts';

/** The locality from which TPM2_Startup was sent: the last byte of PCR 0 before its first extend. */
export type StartupLocality = 0 | 3 | 4;

const SIGNATURE = utf8('StartupLocality\0');

/** `what` of the format error for a startup locality that may not be. */
export const STARTUP_LOCALITY = 'StartupLocality event';

/**
 * The startup locality that `log`, parsed into `events`, states; or undefined if it states none, which means 0. Stated at most once, as PCR 0, before PCR 0 is
 * first extended, and as 0, 3 or 4 (PC Client Platform Firmware Profile §10.4.5.3); otherwise Tpm2FormatError 'bad-value'.
 */
export function startupLocality(log: Bytes, events: readonly LogEvent[]): StartupLocality | undefined {
  let stated: StartupLocality | undefined;
  let isExtended = false;
  for (const { pcr, unverifiedType, unverifiedData } of events) {
    if (unverifiedType !== EVENT_TYPE.noAction) {
      isExtended ||= pcr === 0;
      continue;
    }
    if (!isStartupLocality(unverifiedData)) continue;
    const locality = unverifiedData[SIGNATURE.byteLength];
    const isValid = unverifiedData.byteLength === SIGNATURE.byteLength + 1 && pcr === 0 && !isExtended;
    if (!isValid || stated !== undefined || (locality !== 0 && locality !== 3 && locality !== 4)) {
      throw new Tpm2FormatError('bad-value', unverifiedData.byteOffset - log.byteOffset, STARTUP_LOCALITY);
    }
    stated = locality;
  }
  return stated;
}

function isStartupLocality(data: Bytes): boolean {
  return data.byteLength >= SIGNATURE.byteLength && equalBytes(data.subarray(0, SIGNATURE.byteLength), SIGNATURE);
}
