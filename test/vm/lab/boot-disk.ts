import { rm, truncate, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { output } from './run.ts';

/** What a machine boots: files of the host, and the kernel's command line as it will be measured, without the file's name. */
export interface BootFiles {
  readonly shim: string;
  readonly grub: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
}

const SIZE_BYTES = 64 * 1024 * 1024;
const FIRST_SECTOR = 2048;
const SECTORS = 126_976;
/** Fixed, for PCR 5 has the partition table. */
const LAYOUT = `label: gpt
label-id: 6d757374-6572-4000-8000-000000000001
start=${FIRST_SECTOR}, size=${SECTORS}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=6d757374-6572-4000-8000-000000000002
`;

/** A disk at `file` whose one partition (GPT) is an EFI system partition with shim, GRUB, its configuration, kernel and initial RAM disk. */
export async function makeBootDisk(file: string, boot: BootFiles): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, '');
  await truncate(file, SIZE_BYTES);
  await partition(file);
  const at = ['-i', `${file}@@1M`];
  const geometry = ['-T', String(SECTORS), '-h', '64', '-s', '32', '-v', 'ESP', '-N', '6d757374'];
  await mtool('mformat', [...at, ...geometry, '::']);
  await mtool('mmd', [...at, '::/EFI', '::/EFI/BOOT', '::/EFI/debian']);
  const config = `${file}.grub.cfg`;
  await writeFile(config, `linux /vmlinuz ${boot.commandLine}\ninitrd /initrd.img\nboot\n`);
  const places = {
    '/EFI/BOOT/BOOTX64.EFI': boot.shim,
    '/EFI/BOOT/grubx64.efi': boot.grub,
    '/EFI/debian/grub.cfg': config,
    '/vmlinuz': boot.kernel,
    '/initrd.img': boot.initrd,
  };
  for (const [place, source] of Object.entries(places)) await mtool('mcopy', [...at, source, `::${place}`]);
  await rm(config);
}

/** A small VFAT disk at `file` with these files in its root: what cloud-init's NoCloud data source looks for. */
export async function makeSeedDisk(file: string, sources: readonly string[]): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, '');
  await truncate(file, 2 * 1024 * 1024);
  await mtool('mformat', ['-i', file, '-T', '4096', '-h', '16', '-s', '32', '-v', 'CIDATA', '-N', '6d757375', '::']);
  await mtool('mcopy', ['-i', file, ...sources, '::']);
}

/** No configuration of this machine's has a say. */
const mtool = (program: string, args: readonly string[]): Promise<string> =>
  output(program, args, { MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' });

async function partition(file: string): Promise<void> {
  const sfdisk = spawn('/sbin/sfdisk', ['--quiet', file], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  sfdisk.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  sfdisk.stdin.end(LAYOUT);
  const [code] = await once(sfdisk, 'close');
  if (code !== 0) throw new Error(`sfdisk: ${said}`);
}
