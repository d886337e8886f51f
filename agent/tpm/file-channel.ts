import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import type { Bytes } from '#core/bytes.ts';
import { MAX_FRAME_SIZE } from '#tpm2/commands/frame.ts';

import { type Channel, RESPONSE_HEADER_SIZE, responseSize } from './channel.ts';
import { deviceErrorOf, TpmDeviceError } from './device-error.ts';

/** The three things done to a TPM's device file; a `FileHandle` does them. */
export interface DeviceFile {
  write(bytes: Uint8Array): Promise<{ readonly bytesWritten: number }>;
  read(buffer: Uint8Array, offset: number, length: number, position: null): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

/** Opens a TPM's character device, `/dev/tpmrm0` as a rule. Throws TpmDeviceError. */
export async function openFileChannel(path: string): Promise<Channel> {
  try {
    return fileChannel(path, await open(path, constants.O_RDWR));
  } catch (cause) {
    throw deviceErrorOf(path, cause);
  }
}

/** A channel over an open device file: the driver takes a command in one write and gives its response in one read. */
export function fileChannel(path: string, file: DeviceFile): Channel {
  let timedOut = false;

  const roundTrip = async (command: Bytes): Promise<Bytes> => {
    const { bytesWritten } = await file.write(command);
    if (bytesWritten !== command.byteLength) {
      throw new TpmDeviceError('bad-response', `${path} took ${bytesWritten} of ${command.byteLength} bytes`);
    }
    const buffer = new Uint8Array(MAX_FRAME_SIZE);
    const { bytesRead } = await file.read(buffer, 0, MAX_FRAME_SIZE, null);
    const response = buffer.subarray(0, bytesRead);
    if (bytesRead < RESPONSE_HEADER_SIZE || responseSize(response) !== bytesRead) {
      throw new TpmDeviceError('bad-response', `${path} gave ${bytesRead} bytes that are not one response`);
    }
    return response;
  };

  return {
    async exchange(command, timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          timedOut = true;
          reject(new TpmDeviceError('timeout', `the TPM at ${path} did not answer within ${timeoutMs} ms`));
        }, timeoutMs);
      });
      try {
        return await Promise.race([roundTrip(command), timeout]);
      } catch (cause) {
        throw cause instanceof TpmDeviceError ? cause : deviceErrorOf(path, cause);
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      const closing = file.close();
      // Closing waits for the read that hangs in the driver; whoever gave up on that read must not hang with it.
      if (timedOut) closing.catch(() => undefined);
      else await closing;
    },
  };
}
