import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const FIRMWARE = '/usr/share/OVMF';

/** The firmware's code, and its variables: with Microsoft's keys enrolled, and with none. */
export const OVMF = {
  code: `${FIRMWARE}/OVMF_CODE_4M.secboot.fd`,
  variables: `${FIRMWARE}/OVMF_VARS_4M.ms.fd`,
  variablesWithoutKeys: `${FIRMWARE}/OVMF_VARS_4M.fd`,
} as const;

const PROGRAMS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  swtpm: 'swtpm',
  swtpm_setup: 'swtpm-tools',
  debootstrap: 'debootstrap',
  mke2fs: 'e2fsprogs',
  sfdisk: 'fdisk',
  mformat: 'mtools',
  mcopy: 'mtools',
  setpriv: 'util-linux',
} as const;

/** Debian packages that a virtual machine needs and that are not here, and what else stands in the way; each once. */
export function missingForMachines(): readonly string[] {
  const missing = Object.entries(PROGRAMS)
    .filter(([program]) => spawnSync(program, ['--version']).error !== undefined)
    .map(([, name]) => name);
  const files = Object.values(OVMF).every((file) => existsSync(file)) ? [] : ['ovmf'];
  const host = [
    ...(process.arch === 'x64' ? [] : ['an x86-64 host']),
    ...(process.getuid?.() === 0 ? [] : ['root, for debootstrap']),
  ];
  return [...new Set([...missing, ...files, ...host])];
}
