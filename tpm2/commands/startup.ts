import type { Bytes } from '#core/bytes.ts';

import { CC } from '../constants.ts';
import { Writer } from '../writer.ts';
import { decodeEmptyResponse, encodeCommand } from './frame.ts';

type StartupType = 'clear' | 'state';

/** TPM2_Startup. */
export function encodeStartup(type: StartupType): Bytes {
  return encodeCommand({ code: CC.startup, parameters: startupType(type) });
}

/** Returns if the TPM started; throws as `decodeResponse` does. */
export function decodeStartup(response: Bytes): void {
  decodeEmptyResponse(response, 'TPM2_Startup', 0);
}

/** TPM2_Shutdown. */
export function encodeShutdown(type: StartupType): Bytes {
  return encodeCommand({ code: CC.shutdown, parameters: startupType(type) });
}

/** Returns if the TPM is prepared for losing power; throws as `decodeResponse` does. */
export function decodeShutdown(response: Bytes): void {
  decodeEmptyResponse(response, 'TPM2_Shutdown', 0);
}

function startupType(type: StartupType): Bytes {
  return new Writer().u16(type === 'clear' ? 0 : 1).finish();
}
