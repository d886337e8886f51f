import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const MANIFEST = ['package.json', 'package-lock.json'] as const;

/**
 * The directory under `cache` that holds the mutation testing tools exactly as `scripts/mutation/tools/package-lock.json` pins them, install
 * scripts off; installs them when that lockfile has not been installed there before. vitest is the tree's own, by a link: runner and tests must
 * share one copy. Throws when npm fails.
 */
export function installTools(root: string, cache: string): string {
  const manifest = join(root, 'scripts/mutation/tools');
  const lock = createHash('sha256')
    .update(readFileSync(join(manifest, 'package-lock.json')))
    .digest('hex');
  const tools = join(cache, `tools-${lock.slice(0, 16)}`);
  const done = join(tools, 'node_modules/vitest');
  if (existsSync(done)) return tools;
  rmSync(tools, { recursive: true, force: true });
  mkdirSync(tools, { recursive: true });
  for (const name of MANIFEST) copyFileSync(join(manifest, name), join(tools, name));
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund'], {
    cwd: tools,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('npm could not install the mutation testing tools');
  // Last, for it is what marks the installation as complete.
  symlinkSync(join(root, 'node_modules/vitest'), done);
  return tools;
}
