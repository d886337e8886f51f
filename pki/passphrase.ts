import type { Bytes } from '#core/bytes.ts';
import { Secret } from '#core/secret.ts';

import { PrivateFileError, readPrivateFile } from './private-file.ts';

/** Bytes a passphrase must at least have. */
export const PASSPHRASE_MIN_BYTES = 12;
const PASSPHRASE_MAX_BYTES = 1_024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The passphrase in the file at `path`: its one line, without the line's end. Works alike for a file of the administrator's and for a
 * systemd credential. Rejects with PrivateFileError when others may read the file, or when it is not one line of `minBytes` to 1024 bytes.
 */
export async function readPassphrase(path: string, minBytes = PASSPHRASE_MIN_BYTES): Promise<Secret<Bytes>> {
  const bytes = await readPrivateFile(path, PASSPHRASE_MAX_BYTES + 2);
  const line = onlyLine(bytes);
  if (line === undefined) throw new PrivateFileError('bad-content', path, 'more than one line');
  if (line.byteLength < minBytes || line.byteLength > PASSPHRASE_MAX_BYTES) {
    const range = `${minBytes} to ${PASSPHRASE_MAX_BYTES} bytes`;
    throw new PrivateFileError('bad-content', path, `the passphrase is ${line.byteLength} bytes, not ${range}`);
  }
  return new Secret(line);
}

/** `bytes` without one LF or CRLF at its end; undefined when another line feed is in it. */
function onlyLine(bytes: Bytes): Bytes | undefined {
  const end = bytes.indexOf(LINE_FEED);
  if (end === -1) return bytes;
  if (end !== bytes.byteLength - 1) return undefined;
  return bytes.subarray(0, bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
}
