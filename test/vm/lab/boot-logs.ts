import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { RunningMachine } from './machine.ts';

const SECURITY = '/sys/kernel/security';
const PCRS = Array.from({ length: 24 }, (_, pcr) => pcr);

/** What a machine measured, as its kernel and its TPM have it. */
export interface BootLogs {
  /** Undefined: the kernel offers none. */
  readonly eventLog: Buffer | undefined;
  readonly imaLog: Buffer;
  /** Lower-case hex, by index. */
  readonly pcrs: Readonly<Record<string, string>>;
}

/** Copies the logs and PCR values out of a machine that has finished starting: what it measures meanwhile makes the two disagree. */
export async function readBootLogs(machine: RunningMachine): Promise<BootLogs> {
  using guest = await machine.guest();
  const eventLog = await guest.readFile(`${SECURITY}/tpm0/binary_bios_measurements`).catch(() => undefined);
  const imaLog = await guest.readFile(`${SECURITY}/ima/binary_runtime_measurements`);
  const pcrs: Record<string, string> = {};
  for (const pcr of PCRS) {
    const value = await guest.readFile(`/sys/class/tpm/tpm0/pcr-sha256/${pcr}`);
    pcrs[String(pcr)] = value.toString('utf8').trim().toLowerCase();
  }
  return { eventLog, imaLog, pcrs };
}

/** Keeps the logs of a scene as `folder`/vm-`scene`/. */
export async function keepBootLogs(folder: string, scene: string, logs: BootLogs): Promise<void> {
  const place = join(folder, `vm-${scene}`);
  await mkdir(place, { recursive: true });
  if (logs.eventLog !== undefined) await writeFile(join(place, 'boot.evl'), logs.eventLog);
  await writeFile(join(place, 'boot.ima'), logs.imaLog);
  await writeFile(join(place, 'pcrs.json'), `${JSON.stringify({ sha256: logs.pcrs }, null, 2)}\n`);
}
