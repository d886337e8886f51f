import { readFileSync, statSync } from 'node:fs';
import { arch } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { buildServer, type BuiltServer } from './build-server.ts';
import { ARCHITECTURES } from './runtime.ts';
import { compareWithSecondBuild } from './second-build.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist' },
    arch: { type: 'string', default: arch() },
    /** Builds a second time, elsewhere, and fails where a byte differs. */
    twice: { type: 'boolean', default: false },
  },
});

const architecture = ARCHITECTURES.find((known) => known === values.arch);
if (architecture === undefined) {
  console.error(`there is no runtime for ${values.arch}: --arch takes ${ARCHITECTURES.join(' or ')}`);
  process.exitCode = 64;
} else {
  const root = join(import.meta.dirname, '../..');
  const output = resolve(values.out);
  const build = (into: string): Promise<BuiltServer> => buildServer(root, architecture, into);
  const built = await build(output);
  const { deb, tarball, checksums } = built;
  process.stdout.write(readFileSync(checksums, 'utf8'));
  for (const file of [deb, tarball]) console.log(`${basename(file)}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  if (values.twice) {
    const parts = (packed: BuiltServer) => [packed.deb, packed.tarball, packed.sbom];
    if (!(await compareWithSecondBuild({ first: built, build, parts, near: output }))) process.exitCode = 1;
  }
}
