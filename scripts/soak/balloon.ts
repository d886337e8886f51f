import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(1_048_576);
/** Until not even this fits. */
const LEAST_BYTES = 512;

/** Fills the disk that `folder` is on, to the last block. Disposing of it frees what it took. */
export function inflate(folder: string): Disposable {
  const file = join(folder, 'balloon');
  const descriptor = openSync(file, 'w');
  for (let size = CHUNK.byteLength; size >= LEAST_BYTES;) {
    try {
      writeSync(descriptor, CHUNK, 0, size);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error;
      size /= 2;
    }
  }
  closeSync(descriptor);
  return { [Symbol.dispose]: () => rmSync(file) };
}
