import { join, relative } from 'node:path';

import { rolldown } from 'rolldown';

/** A program in one file. */
export interface Bundle {
  readonly code: string;
  /** Places of the packages that are in it, such as `node_modules/zod`, in order. */
  readonly packages: readonly string[];
}

/** `entry` (a path below `root`) with all that it imports, as one ES module; nothing but `node:` is left to import. Throws where something is. */
export async function bundleProgram(root: string, entry: string): Promise<Bundle> {
  await using build = await rolldown({ input: join(root, entry), cwd: root, platform: 'node' });
  const { output } = await build.generate({ format: 'esm', codeSplitting: false });
  const [chunk] = output;
  if (output.length !== 1) throw new Error(`${entry} became ${output.length} files, not one`);
  const foreign = [...chunk.imports, ...chunk.dynamicImports].filter((name) => !name.startsWith('node:'));
  if (foreign.length > 0) throw new Error(`${entry} still imports ${foreign.join(', ')}`);
  const places = chunk.moduleIds.map((id) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(relative(root, id))?.[0]);
  const packages = [...new Set(places.filter((place) => place !== undefined))].toSorted();
  // In an executable the module's URL is whatever name it was called by. Only modules of the runtime are required.
  const code = chunk.code.replace('createRequire(import.meta.url)', "createRequire('/')");
  if (code.includes('import.meta.url')) throw new Error(`${entry} depends on where it is`);
  return { code, packages };
}
