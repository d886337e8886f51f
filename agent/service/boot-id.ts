import { readFile } from 'node:fs/promises';

import { isRequestId } from '#core/ids.ts';

const FILE = '/proc/sys/kernel/random/boot_id';

/** The kernel's name for this boot, a UUID; undefined where the kernel gives none. */
export async function readBootId(file = FILE): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').then(
    (read) => read.trim(),
    () => '',
  );
  return isRequestId(text) ? text : undefined;
}
