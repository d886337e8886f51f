import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { PinnedPackage } from './lockfile.ts';

/** The processors that the runtime is pinned for, as Node.js names them. */
export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** The same, as Debian names them. */
export const DEBIAN_ARCHITECTURE: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** A pinned runtime: its program, and the package that it is from. */
export interface Runtime {
  readonly program: string;
  readonly pinned: PinnedPackage;
}

/**
 * The pinned runtime for `architecture`: the installed one where it is this machine's, else fetched by npm into `workDirectory` and held
 * against the lockfile's hash. Throws where the runtime that runs this is another version: a program's image is made by the same version.
 */
export function pinnedRuntime(
  root: string,
  lockfile: ReadonlyMap<string, PinnedPackage>,
  architecture: Architecture,
  workDirectory: string,
): Runtime {
  const place = `node_modules/node-linux-${architecture}`;
  const pinned = lockfile.get(place);
  if (pinned === undefined) throw new Error(`${place} is not pinned`);
  if (process.version !== `v${pinned.version}`)
    throw new Error(`run this on the pinned runtime, ${pinned.version}, not on ${process.version}`);
  const installed = join(root, place, 'bin/node');
  return { program: existsSync(installed) ? installed : fetchRuntime(root, pinned, workDirectory), pinned };
}

function fetchRuntime(root: string, { name, version, integrity }: PinnedPackage, workDirectory: string): string {
  const into = join(workDirectory, name);
  mkdirSync(into, { recursive: true });
  const archive = run('npm', ['pack', '--silent', '--pack-destination', into, `${name}@${version}`], root).trim();
  const bytes = readFileSync(join(into, archive));
  const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (found !== integrity) throw new Error(`${name} ${version} is not what the lockfile pins`);
  run('tar', ['-xzf', archive, 'package/bin/node'], into);
  return join(into, 'package/bin/node');
}

function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args[0] ?? ''} failed: ${error?.message ?? stderr}`);
  return stdout;
}
