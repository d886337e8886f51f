import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { sha256Hex } from '#core/digest.ts';
import { utf8 } from '#core/bytes.ts';

import { output } from './run.ts';

const SUITE = 'bookworm';
const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'udev',
  'kmod',
  'iproute2',
  'zstd',
  'initramfs-tools',
  'linux-image-cloud-amd64',
  'shim-signed',
  'grub-efi-amd64-signed',
  'cloud-init',
  // debootstrap does not look for who provides the virtual package that python3-cryptography needs.
  'python3-cffi-backend',
  'qemu-guest-agent',
  // The agent's runtime is linked against it.
  'libatomic1',
];

/** What the disk and the network need, and the root file system; the initial RAM disk is small for it. */
const INITRAMFS_MODULES = 'virtio_pci\nvirtio_blk\next4\n';
const INITRAMFS_CONFIG = 'MODULES=list\nCOMPRESS=zstd\n';

/** A Debian system in a directory, with two kernels and nothing of ours. */
export interface BaseTree {
  readonly directory: string;
  readonly key: string;
  /** Versions as in the files' names in /boot, the default first; the second only where Debian has another signed one. */
  readonly kernels: readonly string[];
}

/** The system that is in `cache`; made there with debootstrap, which takes minutes, where it is not. */
export async function baseTree(cache: string): Promise<BaseTree> {
  const key = sha256Hex(utf8(JSON.stringify([SUITE, PACKAGES, INITRAMFS_MODULES, INITRAMFS_CONFIG, 3]))).slice(0, 16);
  const directory = join(cache, `base-${key}`);
  if (!existsSync(directory)) {
    const partial = `${directory}.${process.pid}`;
    await mkdir(cache, { recursive: true });
    try {
      await build(partial);
      await rename(partial, directory);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  return { directory, key, kernels: await kernelsIn(directory) };
}

async function build(tree: string): Promise<void> {
  console.log(`making a Debian ${SUITE} system with debootstrap, once: this takes minutes`);
  await output('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, tree]);
  const config = join(tree, 'etc/initramfs-tools');
  await writeFile(join(config, 'modules'), INITRAMFS_MODULES);
  await writeFile(join(config, 'conf.d/lab'), INITRAMFS_CONFIG);
  const [installed = ''] = await kernelsIn(tree);
  const found = await output('chroot', [tree, 'apt-cache', 'search', '--names-only', '^linux-image-6.*-cloud-amd64$']);
  const other = found
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .find((name) => name !== '' && name !== `linux-image-${installed}`);
  if (other !== undefined)
    await output('chroot', [tree, 'apt-get', 'install', '-y', '-q', '--no-install-recommends', other]);
  await output('chroot', [tree, 'update-initramfs', '-u', '-k', 'all']);
  await output('chroot', [tree, 'apt-get', 'clean']);
  await rm(join(tree, 'var/lib/apt/lists'), { recursive: true, force: true });
}

async function kernelsIn(tree: string): Promise<readonly string[]> {
  const files = await readdir(join(tree, 'boot'));
  return files
    .filter((file) => file.startsWith('vmlinuz-'))
    .map((file) => file.slice('vmlinuz-'.length))
    .toSorted()
    .toReversed();
}
