import type { Bytes } from '#core/bytes.ts';

import { CC, MAX_DIGEST_SIZE } from '../constants.ts';
import { Writer } from '../writer.ts';
import { decodeResponse, encodeCommand } from './frame.ts';

/** TPM2_GetRandom. The TPM gives at most as many bytes as its largest digest has. */
export function encodeGetRandom(bytesRequested: number): Bytes {
  return encodeCommand({ code: CC.getRandom, parameters: new Writer().u16(bytesRequested).finish() });
}

/** Random bytes, perhaps fewer than asked for. Throws as `decodeResponse` does. */
export function decodeGetRandom(response: Bytes): Bytes {
  return decodeResponse(response, { what: 'TPM2_GetRandom', sessions: 0, read: (r) => r.sized(MAX_DIGEST_SIZE) });
}
