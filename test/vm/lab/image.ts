import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { sha256Hex } from '#core/digest.ts';
import { utf8 } from '#core/bytes.ts';

import { type AgentPackage, journalToConsole } from './agent-package.ts';
import { type BaseTree, baseTree } from './base-tree.ts';
import { output } from './run.ts';

/** A system to start machines from. Nobody writes to these files: a machine's disk is a layer on top. */
export interface MachineImage {
  readonly rootDisk: string;
  readonly shim: string;
  readonly grub: string;
  /** The default first. */
  readonly kernels: readonly { readonly version: string; readonly kernel: string; readonly initrd: string }[];
}

const DISK_BYTES = 3 * 1024 ** 3;
const UUID = '6d757374-6572-4000-8000-000000000003';
/** Jobs that a machine of a few minutes has no use for, some of them at random times. */
const MASKED = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
];
const FILES: Readonly<Record<string, string>> = {
  'etc/fstab': 'LABEL=root / ext4 noatime 0 0\n',
  // Each machine makes its own.
  'etc/machine-id': '',
  'etc/systemd/network/10-lab.network': '[Match]\nName=en*\n\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n',
  // What a node needs of cloud-init, and no more: no users, no packages.
  'etc/cloud/cloud.cfg.d/90-lab.cfg': `datasource_list: [NoCloud]
network: {config: disabled}
cloud_init_modules: [bootcmd, write-files, set_hostname]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user, final-message]
`,
};

/** The image with this agent in it, from `cache`, where it is kept by what it is made of; images of other agents are removed there. */
export async function machineImage(cache: string, agent: Pick<AgentPackage, 'key' | 'install'>): Promise<MachineImage> {
  const base = await baseTree(cache);
  const recipe = await readFile(import.meta.filename);
  const key = sha256Hex(utf8(`${base.key} ${agent.key} ${sha256Hex(recipe)}`)).slice(0, 16);
  const folder = join(cache, `image-${key}`);
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`;
    try {
      await build(base, agent, partial);
      for (const name of await readdir(cache))
        if (/^image-[0-9a-f]{16}$/.test(name)) await rm(join(cache, name), { recursive: true });
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  const file = (name: string): string => join(folder, name);
  return {
    rootDisk: file('root.ext4'),
    shim: file('shim.efi'),
    grub: file('grub.efi'),
    kernels: base.kernels.map((version) => ({
      version,
      kernel: file(`vmlinuz-${version}`),
      initrd: file(`initrd.img-${version}`),
    })),
  };
}

async function build(base: BaseTree, agent: Pick<AgentPackage, 'key' | 'install'>, folder: string): Promise<void> {
  const tree = join(folder, 'tree');
  await mkdir(folder);
  await output('cp', ['-a', base.directory, tree]);
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(join(tree, path, '..'), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  await rm(join(tree, 'var/lib/dbus/machine-id'), { force: true });
  await output('chroot', [tree, 'systemctl', 'enable', 'systemd-networkd', 'systemd-networkd-wait-online']);
  await output('chroot', [tree, 'systemctl', 'mask', ...MASKED]);
  await agent.install(tree);
  await journalToConsole(tree);
  // Otherwise the first boot changes the user database while it is read.
  await output('chroot', [tree, 'systemd-sysusers']);
  await copyFile(join(tree, 'usr/lib/shim/shimx64.efi.signed'), join(folder, 'shim.efi'));
  await copyFile(join(tree, 'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'), join(folder, 'grub.efi'));
  for (const version of base.kernels)
    for (const name of [`vmlinuz-${version}`, `initrd.img-${version}`])
      await copyFile(join(tree, 'boot', name), join(folder, name));
  const disk = join(folder, 'root.ext4');
  await writeFile(disk, '');
  await truncate(disk, DISK_BYTES);
  const features = `hash_seed=${UUID},lazy_itable_init=1,lazy_journal_init=1`;
  await output('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'root', '-U', UUID, '-E', features, '-d', tree, disk]);
  await rm(tree, { recursive: true });
}
