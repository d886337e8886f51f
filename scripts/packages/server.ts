import { readFileSync, statSync } from 'node:fs';
import { arch } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { buildServer } from './build-server.ts';
import { ARCHITECTURES } from './runtime.ts';

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'dist' }, arch: { type: 'string', default: arch() } },
});

const architecture = ARCHITECTURES.find((known) => known === values.arch);
if (architecture === undefined) {
  console.error(`there is no runtime for ${values.arch}: --arch takes ${ARCHITECTURES.join(' or ')}`);
  process.exitCode = 64;
} else {
  const { deb, tarball, checksums } = await buildServer(
    join(import.meta.dirname, '../..'),
    architecture,
    resolve(values.out),
  );
  process.stdout.write(readFileSync(checksums, 'utf8'));
  for (const file of [deb, tarball]) console.log(`${basename(file)}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}
