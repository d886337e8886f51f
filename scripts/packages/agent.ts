import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { arch } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

import { buildAgent, type BuiltAgent } from './build-agent.ts';
import { sha256OfFile } from './checksums.ts';
import { ARCHITECTURES, type Architecture } from './runtime.ts';

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
  const built = await buildAgent(root, architecture, resolve(values.out));
  process.stdout.write(readFileSync(built.checksums, 'utf8'));
  if (values.measure) measure(built, architecture);
  if (values.twice) await compareWithSecondBuild(built, architecture);
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

async function compareWithSecondBuild(first: BuiltAgent, of: Architecture): Promise<void> {
  const elsewhere = mkdtempSync(join(resolve(values.out), '.second-'));
  try {
    const second = await buildAgent(root, of, elsewhere);
    for (const part of ['program', 'sbom', 'deb'] as const) {
      const isSame = (await sha256OfFile(first[part])) === (await sha256OfFile(second[part]));
      console.log(`${basename(first[part])}: the second build ${isSame ? 'is the same, byte for byte' : 'DIFFERS'}`);
      if (!isSame) process.exitCode = 1;
    }
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}
