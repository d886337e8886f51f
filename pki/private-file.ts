import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';

import type { Bytes } from '#core/bytes.ts';

/** Why a file is not fit to hold a secret. */
export type PrivateFileCode = 'not-a-file' | 'owner-untrusted' | 'readable-by-others' | 'too-large' | 'bad-content';

/** A file that was to hold a secret and is not fit to. The message names the path and never the content. */
export class PrivateFileError extends Error {
  readonly code: PrivateFileCode;
  readonly path: string;

  constructor(code: PrivateFileCode, path: string, detail: string) {
    super(`${path}: ${detail}`);
    this.name = 'PrivateFileError';
    this.code = code;
    this.path = path;
  }
}

/**
 * The bytes of the file at `path`, once it is known that it is a regular file of at most `maxBytes`, that it belongs to this process's
 * user or to root, and that nobody else may read or write it. The checks and the reading are of one open file.
 *
 * A credential that systemd hands to a service with `User=` is root's, with an ACL entry for the service: its mode shows 0440
 * (the ACL's mask in the group bits), so group-read alone is accepted where owner and group are root.
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<Bytes> {
  await using file = await open(path, 'r');
  const stats = await file.stat();
  const fault = permissionFault(stats, process.geteuid?.());
  if (fault !== undefined) throw new PrivateFileError(fault.code, path, fault.detail);
  // One byte more than allowed is read, so that a file growing after `stat` is noticed.
  const buffer = Buffer.alloc(maxBytes + 1);
  const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, 0);
  if (bytesRead > maxBytes) throw new PrivateFileError('too-large', path, `over ${maxBytes} bytes`);
  return buffer.subarray(0, bytesRead);
}

/** What in a file's type, owner or mode lets somebody other than `euid` and root at it; undefined when nothing does. */
export function permissionFault(
  stats: Pick<Stats, 'mode' | 'uid' | 'gid' | 'isFile'>,
  euid: number | undefined,
): { readonly code: PrivateFileCode; readonly detail: string } | undefined {
  if (!stats.isFile()) return { code: 'not-a-file', detail: 'not a regular file' };
  if (stats.uid !== 0 && stats.uid !== euid) {
    return { code: 'owner-untrusted', detail: `belongs to user ${stats.uid}, neither root nor this service` };
  }
  const others = stats.mode & 0o077;
  const isSystemdCredential = others === 0o040 && stats.uid === 0 && stats.gid === 0;
  if (others === 0 || isSystemdCredential) return undefined;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  return { code: 'readable-by-others', detail: `mode ${mode} lets others at it; chmod 0600 or stricter` };
}
