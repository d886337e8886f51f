import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { arch } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

import { buildAgent, type BuiltAgent } from './build-agent.ts';
import { ARCHITECTURES, type Architecture } from './runtime.ts';
import { compareWithSecondBuild } from './second-build.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist' },
    arch: { type: 'string', default: arch() },
    /** Builds a second time, elsewhere, and fails where a byte differs. */
    twice: { type: 'boolean', default: false },
    /** Prints sizes and start time. */
    measure: { type: 'boolean', default: false },
  },
});

const root = join(import.meta.dirname, '../..');
const architecture = ARCHITECTURES.find((known) => known === values.arch);
if (architecture === undefined) {
  console.error(`there is no runtime for ${values.arch}: --arch takes ${ARCHITECTURES.join(' or ')}`);
  process.exitCode = 64;
} else {
  const output = resolve(values.out);
  const build = (into: string): Promise<BuiltAgent> => buildAgent(root, architecture, into);
  const built = await build(output);
  process.stdout.write(readFileSync(built.checksums, 'utf8'));
  if (values.measure) measure(built, architecture);
  if (values.twice) {
    const parts = ({ program, sbom, deb }: BuiltAgent) => [program, sbom, deb];
    if (!(await compareWithSecondBuild({ first: built, build, parts, near: output }))) process.exitCode = 1;
  }
}

function measure({ program, deb }: BuiltAgent, of: Architecture): void {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const gzipped = gzipSync(readFileSync(program), { level: 9 }).byteLength;
  console.log(
    `size: ${megabytes(statSync(program).size)}, gzip ${megabytes(gzipped)}, .deb ${megabytes(statSync(deb).size)}`,
  );
  if (of !== arch()) return console.log(`start: not run, for this machine is ${arch()}`);
  const times = Array.from({ length: 7 }, () => {
    const from = performance.now();
    const { status, stderr } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the program does not start: ${stderr}`);
    return performance.now() - from;
  });
  console.log(`start: ${Math.min(...times).toFixed(0)} ms to the end of --version, the best of ${times.length}`);
}
