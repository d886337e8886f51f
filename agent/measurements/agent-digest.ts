import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { toHex } from '#core/bytes.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The folders that the agent runs from. */
const FOLDERS = ['agent', 'core', 'pki', 'protocol', 'tpm2'];

/**
 * SHA-256 over this agent's source files, in order of path: each path, a NUL, and the SHA-256 of its contents. Lower-case hex. It says which
 * agent this is to somebody who trusts the machine; an agent that lies about it, it does not find out.
 */
export async function agentDigest(root = ROOT): Promise<string> {
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
