import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** SHA-256 of `file`, lower-case hex. */
export async function sha256OfFile(file: string): Promise<string> {
  const total = createHash('sha256');
  await pipeline(createReadStream(file), total);
  return total.digest('hex');
}

/** One line for each file, as `sha256sum --check` reads it in their directory. */
export async function sumFiles(files: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const file of files) lines.push(`${await sha256OfFile(file)}  ${basename(file)}\n`);
  return lines.join('');
}
