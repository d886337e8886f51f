import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

const packageSchema = z.object({
  version: z.string(),
  integrity: z.string().startsWith('sha512-'),
  license: z.string().optional(),
  dev: z.boolean().default(false),
  optional: z.boolean().default(false),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

/** One pinned package. */
export interface PinnedPackage extends z.output<typeof packageSchema> {
  readonly name: string;
  /** Its place below the root, such as `node_modules/zod`. */
  readonly place: string;
}

const schema = z.object({ packages: z.record(z.string(), z.unknown()) });

/** What `package-lock.json` below `root` pins, by place. */
export function readLockfile(root: string): ReadonlyMap<string, PinnedPackage> {
  const { packages } = schema.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  return new Map(
    Object.entries(packages)
      .filter(([place]) => place !== '')
      .map(([place, entry]) => [place, { name: nameAt(place), place, ...packageSchema.parse(entry) }]),
  );
}

/** The package that `name` is for the one at `from`: the nearest `node_modules` upwards that has it. Undefined where none is pinned. */
export function resolvePinned(
  lockfile: ReadonlyMap<string, PinnedPackage>,
  name: string,
  from: string,
): PinnedPackage | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const found = lockfile.get(`${at === '' ? '' : `${at}/`}node_modules/${name}`);
    if (found !== undefined || at === '') return found;
  }
}

const nameAt = (place: string): string => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
