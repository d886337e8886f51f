import type { Bytes } from '#core/bytes.ts';
import { MAX_FRAME_SIZE } from '#tpm2/commands/frame.ts';

import { TpmDeviceError } from './device-error.ts';

/** Tag, size and code: what every response begins with, and all that a failed command's response has. */
export const RESPONSE_HEADER_SIZE = 10;

/**
 * A raw way to a TPM. The caller has one command under way at most; after a rejection the channel is spent, for a late response would
 * be taken for the answer to the next command.
 */
export interface Channel {
  exchange(command: Bytes, timeoutMs: number): Promise<Bytes>;
  close(): Promise<void>;
}

/** The size that a response's header states: whole, not smaller than a header and not larger than a driver carries. */
export function responseSize(header: Bytes): number {
  const size = Buffer.from(header.buffer, header.byteOffset, header.byteLength).readUInt32BE(2);
  if (size < RESPONSE_HEADER_SIZE || size > MAX_FRAME_SIZE) {
    throw new TpmDeviceError('bad-response', `the TPM announced a response of ${size} bytes`);
  }
  return size;
}
