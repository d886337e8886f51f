import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { type GuestAgent, openGuestAgent } from './guest-agent.ts';
import { OVMF } from './needs.ts';
import { startPart } from './start-part.ts';

/** What a machine is made of: files of the host. */
export interface Hardware {
  /** A short path: sockets are made in it. */
  readonly folder: string;
  readonly tpmState: string;
  readonly firmwareVariables: string;
  readonly bootDisk: string;
  readonly rootDisk: string;
  readonly seedDisk: string;
  /** The clock of the mainboard at power-on; undefined: right. */
  readonly clock?: Date | undefined;
  /** More arguments for QEMU. */
  readonly more?: readonly string[];
}

/** A line of the serial console, with the host's clock in milliseconds since the power came on. */
export interface ConsoleLine {
  readonly atMs: number;
  readonly text: string;
}

/** A machine that is powered on. Disposing of it takes the power away. */
export interface RunningMachine extends AsyncDisposable {
  readonly console: readonly ConsoleLine[];
  /** The first console line that has `text` in it, `times` counted; rejects with the console's end when it does not come in time. */
  said(text: string, options?: { readonly times?: number; readonly withinMs?: number }): Promise<ConsoleLine>;
  /** Resolves when `isSo` holds, which is looked at with every line; `what` is for the error when it does not come to it. */
  saidWhere(isSo: () => boolean, what: string): Promise<void>;
  /** The hand inside, as soon as it is there; one at a time. */
  guest(): Promise<GuestAgent>;
  readonly ended: Promise<unknown>;
}

const BOOTS_WITHIN_MS = 360_000;

/** Powers a machine on. Everything in it is emulated in software, so that no support by the host's processor is needed. */
export async function powerOn(hardware: Hardware): Promise<RunningMachine> {
  const socket = (name: string): string => join(hardware.folder, name);
  for (const name of ['tpm', 'guest']) await rm(socket(name), { force: true });
  const tpmSocket = ['--ctrl', `type=unixio,path=${socket('tpm')}`];
  const tpm = startPart('swtpm', ['socket', '--tpm2', '--tpmstate', `dir=${hardware.tpmState}`, ...tpmSocket]);
  const startedMs = performance.now();
  const lines: ConsoleLine[] = [];
  await until(() => existsSync(socket('tpm')), 'swtpm');
  const qemu = startPart('qemu-system-x86_64', qemuArguments(hardware, socket));
  const kill = (): void => {
    qemu.kill('SIGKILL');
    tpm.kill('SIGKILL');
  };
  const waiting = new Set<() => void>();
  const onLine = (line: string): void => {
    lines.push({ atMs: performance.now() - startedMs, text: line.replaceAll(CONTROL, '').trimEnd() });
    for (const look of waiting) look();
  };
  createInterface({ input: qemu.stdout }).on('line', onLine);
  for (const output of [tpm.stdout, tpm.stderr]) output.resume();
  createInterface({ input: qemu.stderr }).on('line', (line) => onLine(`qemu: ${line}`));
  const ended = once(qemu, 'close').then(() => stop(tpm));
  const guest = async (): Promise<GuestAgent> => {
    await until(() => existsSync(socket('guest')), 'the guest agent’s socket');
    return openGuestAgent(socket('guest'));
  };
  return {
    console: lines,
    async said(text, { times = 1, withinMs = BOOTS_WITHIN_MS } = {}) {
      const found = (): ConsoleLine | undefined => lines.filter((line) => line.text.includes(text))[times - 1];
      await waitUntil({ lines, waiting, ended }, { isSo: () => found() !== undefined, what: `"${text}"`, withinMs });
      return found() ?? { atMs: 0, text: '' };
    },
    saidWhere: (isSo, what) => waitUntil({ lines, waiting, ended }, { isSo, what, withinMs: BOOTS_WITHIN_MS }),
    guest,
    ended,
    async [Symbol.asyncDispose]() {
      kill();
      await ended;
    },
  };
}

/** Colours, cursor movements, and what else a terminal would obey. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /\u001b\[[0-9;=?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f]/g;

function qemuArguments(hardware: Hardware, socket: (name: string) => string): readonly string[] {
  const { bootDisk, rootDisk, seedDisk, firmwareVariables, clock, more = [] } = hardware;
  const disk = (id: string, file: string, format: string, boot = ''): readonly string[] => [
    '-drive',
    `if=none,id=${id},format=${format},cache=unsafe,file=${file}`,
    '-device',
    `virtio-blk-pci,drive=${id}${boot}`,
  ];
  return [
    // The plainest processor is emulated fastest, and one: two that wait for each other make two machines at a time a quarter slower.
    ['-machine', 'q35,smm=on', '-accel', 'tcg', '-cpu', 'qemu64', '-m', '1024', '-smp', '1'],
    ['-nodefaults', '-display', 'none', '-serial', 'chardev:console'],
    // The file is for a person who wants to look while it runs.
    ['-chardev', `stdio,id=console,signal=off,logfile=${socket('console.log')}`],
    // Writes to the firmware's variables come from System Management Mode alone, as Secure Boot needs it.
    ['-global', 'driver=cfi.pflash01,property=secure,value=on', '-global', 'ICH9-LPC.disable_s3=1'],
    ['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${OVMF.code}`],
    ['-drive', `if=pflash,unit=1,format=raw,file=${firmwareVariables}`],
    ['-chardev', `socket,id=tpm,path=${socket('tpm')}`, '-tpmdev', 'emulator,id=tpm0,chardev=tpm'],
    ['-device', 'tpm-crb,tpmdev=tpm0'],
    disk('boot', bootDisk, 'raw', ',bootindex=1'),
    disk('root', rootDisk, 'qcow2'),
    disk('seed', seedDisk, 'raw'),
    ['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile=', '-device', 'virtio-rng-pci'],
    ['-device', 'virtio-serial-pci', '-chardev', `socket,id=guest,path=${socket('guest')},server=on,wait=off`],
    ['-device', 'virtserialport,chardev=guest,name=org.qemu.guest_agent.0'],
    clock === undefined ? [] : ['-rtc', `base=${clock.toISOString().slice(0, 19)}`],
    more,
  ].flat();
}

interface Waiting {
  readonly lines: readonly ConsoleLine[];
  readonly waiting: Set<() => void>;
  readonly ended: Promise<unknown>;
}

async function waitUntil(
  { lines, waiting, ended }: Waiting,
  wanted: { readonly isSo: () => boolean; readonly what: string; readonly withinMs: number },
): Promise<void> {
  const found = Promise.withResolvers<void>();
  const look = (): void => {
    if (wanted.isSo()) found.resolve();
  };
  const fail = (why: string): void => {
    const end = lines.slice(-40).map(({ text }) => text);
    found.reject(new Error(`the machine ${why} ${wanted.what}:\n${end.join('\n')}`));
  };
  waiting.add(look);
  const late = setTimeout(() => fail(`did not say within ${wanted.withinMs / 1_000} s`), wanted.withinMs);
  void ended.then(() => fail('went off before it said'));
  look();
  return found.promise.finally(() => {
    clearTimeout(late);
    waiting.delete(look);
  });
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 20) {
    if (isSo()) return;
    await delay(20);
  }
  throw new Error(`${what} is not there`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
