import { open } from 'node:fs/promises';

import { type Bytes, concatBytes } from '#core/bytes.ts';

const CHUNK = 65_536;

/** A log of measurements is longer than the protocol carries. */
export class LogTooLongError extends Error {
  constructor(file: string, maxBytes: number) {
    super(`the log ${file} has more than the ${maxBytes} bytes that the join protocol carries`);
    this.name = 'LogTooLongError';
  }
}

/**
 * The log in `file`, whole; undefined if there is none on this machine or nothing is in it. securityfs gives such files no size, so they
 * are read to their end. Throws LogTooLongError over `maxBytes`, and what the file system throws.
 */
export async function readMeasuredLog(file: string, maxBytes: number): Promise<Bytes | undefined> {
  await using handle = await open(file, 'r').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (handle === null) return undefined;
  const chunks: Bytes[] = [];
  for (let size = 0; ;) {
    const buffer = new Uint8Array(CHUNK);
    const { bytesRead } = await handle.read(buffer, 0, CHUNK, null);
    if (bytesRead === 0) return size === 0 ? undefined : concatBytes(...chunks);
    size += bytesRead;
    if (size > maxBytes) throw new LogTooLongError(file, maxBytes);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}
