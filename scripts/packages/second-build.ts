import { mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

import { sha256OfFile } from './checksums.ts';

interface SecondBuild<Built> {
  readonly first: Built;
  readonly build: (output: string) => Promise<Built>;
  /** The files that are to be the same. */
  readonly parts: (built: Built) => readonly string[];
  /** A directory to build in; nothing stays there. */
  readonly near: string;
}

/** Builds again, prints of each part whether it is the same, byte for byte, and returns whether all are. */
export async function compareWithSecondBuild<Built>({
  first,
  build,
  parts,
  near,
}: SecondBuild<Built>): Promise<boolean> {
  const elsewhere = mkdtempSync(join(near, '.second-'));
  try {
    const again = parts(await build(elsewhere));
    let areSame = true;
    for (const [at, part] of parts(first).entries()) {
      const isSame = (await sha256OfFile(part)) === (await sha256OfFile(again[at] ?? ''));
      console.log(`${basename(part)}: the second build ${isSame ? 'is the same, byte for byte' : 'DIFFERS'}`);
      areSame &&= isSame;
    }
    return areSame;
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}
