import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import { pipeline } from 'node:stream/promises';

import { toHex } from '#core/bytes.ts';

/** The folders that the agent runs from. */
const FOLDERS = ['agent', 'core', 'pki', 'protocol', 'tpm2'];

/**
 * SHA-256 that says which agent this is, lower-case hex: of the program file, where the agent is a single executable (the digest in SHA256SUMS);
 * else of the source files. It is for somebody who trusts the machine; an agent that lies about it, it does not find out.
 */
export function agentDigest(): Promise<string> {
  // The link leads to the file that runs, even after another was put in its place.
  return isSea() ? fileDigest('/proc/self/exe') : sourceDigest();
}

async function fileDigest(file: string): Promise<string> {
  const total = createHash('sha256');
  await pipeline(createReadStream(file), total);
  return toHex(total.digest());
}

/** SHA-256 over the agent's source files below `root`, in order of path: each path, a NUL, and the SHA-256 of its contents. Lower-case hex. */
export async function sourceDigest(root = join(import.meta.dirname, '../..')): Promise<string> {
  const total = createHash('sha256');
  for (const folder of FOLDERS) {
    const found = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    const files = found.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
    for (const path of files.map(({ parentPath, name }) => join(parentPath, name)).toSorted()) {
      const contents = createHash('sha256')
        .update(await readFile(path))
        .digest();
      total.update(`${path.slice(root.length + 1)}\0`).update(contents);
    }
  }
  return toHex(total.digest());
}
