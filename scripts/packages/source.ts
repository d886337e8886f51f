import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is packed, named so that it can be found again. */
export interface Source {
  /** package.json's. */
  readonly version: string;
  /** The commit, in full. */
  readonly commit: string;
  /** True where files of the tree are not what the commit says. */
  readonly isChanged: boolean;
  /** Time of the commit, seconds since 1970: the only time in a package. */
  readonly epoch: number;
}

/** The source below `root`, which is a checkout. Throws where git does not answer. */
export function readSource(root: string): Source {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const [commit = '', epoch = ''] = git(root, 'log', '-1', '--format=%H %ct').trim().split(' ');
  return { version, commit, isChanged: git(root, 'status', '--porcelain').trim() !== '', epoch: Number(epoch) };
}

/**
 * The version of a Debian package: below that of the release it leads to, and rising with the time of the commit. A tree with changes is
 * marked, for nobody can find it again.
 */
export function debianVersion({ version, commit, isChanged, epoch }: Source): string {
  const stamp = new Date(epoch * 1_000).toISOString().replaceAll(/[-:T]|\.000Z$/g, '');
  return `${version}~git${stamp}.${commit.slice(0, 7)}${isChanged ? '+changed' : ''}`;
}

function git(root: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`git ${args[0] ?? ''} failed: ${stderr}`);
  return stdout;
}
