import type { Bytes } from '#core/bytes.ts';

import { type ClockInfo, readClockInfo } from '../attest.ts';
import { CC } from '../constants.ts';
import { decodeResponse, encodeCommand } from './frame.ts';

/** TPM2_ReadClock. */
export function encodeReadClock(): Bytes {
  return encodeCommand({ code: CC.readClock });
}

/** `time` is milliseconds since the TPM last started. Throws as `decodeResponse` does. */
export function decodeReadClock(response: Bytes): { readonly time: bigint; readonly clockInfo: ClockInfo } {
  return decodeResponse(response, {
    what: 'TPM2_ReadClock',
    sessions: 0,
    read: (reader) => ({ time: reader.u64(), clockInfo: readClockInfo(reader) }),
  });
}
