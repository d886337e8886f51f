import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { agentDeb, imageCache, keptLogs } from './config.ts';
import { keepBootLogs, readBootLogs } from './lab/boot-logs.ts';
import { type Captured, captureFrom } from './lab/capture.ts';
import type { RunningMachine } from './lab/machine.ts';
import { missingForMachines } from './lab/needs.ts';
import { attestAgain, firstOutcome, JOINED, reasonsFor } from './lab/outcome.ts';
import { ownShare } from './lab/own-share.ts';
import { either, poolPolicy } from './lab/pool-policy.ts';
import { agentCpuMs, bootTimes, renderTimes } from './lab/timing.ts';
import { type MachineOptions, type VmLab, vmLab } from './lab/vm-lab.ts';

const missing = missingForMachines();
if (missing.length > 0) console.warn(`SKIPPED: virtual machines with real firmware need ${missing.join(', ')}`);

const YEAR_MS = 365 * 86_400_000;

async function setClock(machine: RunningMachine, at: Date): Promise<void> {
  using guest = await machine.guest();
  await guest.setTime(at);
}

async function restart(machine: RunningMachine): Promise<void> {
  using guest = await machine.guest();
  guest.restart();
}

/** A file of the root file system, run by a shell that is known. */
async function runUnknownFile(machine: RunningMachine, path: string): Promise<void> {
  using guest = await machine.guest();
  await guest.run('/bin/sh', '-c', `echo true >${path}; . ${path}`);
}

describe.skipIf(missing.length > 0)('a machine with real firmware, a real kernel and a TPM', () => {
  let lab: VmLab;
  let canary: RunningMachine;
  let first: Captured;
  const undo = new AsyncDisposableStack();
  const report: string[] = [];
  const keep = keptLogs();
  const started = performance.now();

  const note = (text: string): void => {
    report.push(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${text}`);
  };
  const keepLogs = async (scene: string, machine: RunningMachine): Promise<void> => {
    if (keep !== undefined) await keepBootLogs(keep, scene, await readBootLogs(machine));
  };

  const staying = new Map<string, Promise<RunningMachine>>();
  /** A machine that more than one scene is about: it is powered on by the first of them and stays on. */
  const stays = (name: string, options?: MachineOptions): Promise<RunningMachine> => {
    const running =
      staying.get(name) ?? lab.machine(name, options).then(async (machine) => undo.use(await machine.on()));
    staying.set(name, running);
    return running;
  };
  const worker = (): Promise<RunningMachine> => stays('worker-1');
  const updated = (): Promise<RunningMachine> => {
    const [, second] = lab.image.kernels;
    if (second === undefined) throw new Error('Debian has one signed kernel only: there is none to be rolled out');
    return stays('updated', { boot: { kernel: second.kernel, initrd: second.initrd } });
  };

  beforeAll(async () => {
    lab = undo.use(await vmLab({ cache: imageCache(), deb: agentDeb() }));
    note(`image and service: ${lab.agentName}`);
    await lab.usePolicy(poolPolicy(undefined, []));
    canary = await stays('canary-1');
    const refused = await firstOutcome(canary);
    // What the laboratory's hand runs to do so must be known to the policy.
    await setClock(canary, new Date());
    const use = ({ demands, referenceValues }: Captured): Promise<void> =>
      lab.usePolicy(poolPolicy(demands, [referenceValues]));
    first = await captureFrom(lab, canary, { name: 'release-1', refused, use });
    note('a canary’s first boot, captured');
  });
  afterAll(async () => {
    console.log(`Since the start:\n${report.join('\n')}`);
    await undo.disposeAsync();
  });

  test.concurrent('joins at its first boot with no hand on it, and again by itself when it is restarted', async () => {
    const machine = await worker();
    await machine.said(JOINED);
    note(`boot to certificate: ${renderTimes(await bootTimes(machine))}`);
    note(`the agent’s processor time until then: ${await agentCpuMs(machine)} ms, emulated`);
    await keepLogs('good', machine);
    await restart(machine);
    await machine.said(JOINED, { times: 2 });
    const { out } = await lab.service.muster('nodes', 'show', 'worker-1', '-o', 'json');
    expect(out).toContain('"joined"');
    note('joined after a restart');
    await keepLogs('good-again', machine);
  });

  test.concurrent('is refused with another kernel command line', async () => {
    const commandLine = `${lab.bootFiles().commandLine} module.sig_enforce=0`;
    const machine = await lab.machine('command-line', { boot: { commandLine } });
    await using running = await machine.on();
    const { codes, explained } = await reasonsFor(lab, await firstOutcome(running));
    expect(codes).toEqual(expect.arrayContaining(['command-line-refused']));
    expect(codes).not.toContain('secure-boot-not-proven');
    expect(explained).toContain('module.sig_enforce=0');
    await keepLogs('command-line', running);
  });

  test.concurrent('is refused with another initial RAM disk', async () => {
    const { initrd } = lab.bootFiles();
    const other = join(lab.folder, 'other-initrd');
    await writeFile(other, await readFile(initrd));
    // Zeros between and behind archives mean nothing to the kernel: it starts the same programs.
    await appendFile(other, new Uint8Array(512));
    const machine = await lab.machine('initrd', { boot: { initrd: other } });
    await using running = await machine.on();
    const { codes, explained } = await reasonsFor(lab, await firstOutcome(running));
    expect(codes).toEqual(['loader-file-refused']);
    expect(explained).toContain('initrd.img');
    await keepLogs('initrd', running);
  });

  test.concurrent('is refused with another kernel, though it is signed', async () => {
    const machine = await updated();
    const { codes, explained } = await reasonsFor(lab, await firstOutcome(machine));
    expect(codes).toEqual(expect.arrayContaining(['boot-application-refused', 'loader-file-refused']));
    expect(codes).not.toContain('secure-boot-not-proven');
    expect(explained).toContain('vmlinuz');
    await keepLogs('other-kernel', machine);
  });

  test.concurrent('does not start a kernel that nobody signed', async () => {
    const { kernel } = lab.bootFiles();
    const other = join(lab.folder, 'other-kernel');
    const bytes = await readFile(kernel);
    const at = Math.floor(bytes.byteLength / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(other, bytes);
    const machine = await lab.machine('unsigned', { boot: { kernel: other } });
    await using running = await machine.on();
    expect((await running.said('bad shim signature')).text).toContain('bad shim signature');
  });

  test.concurrent('is refused with Secure Boot off', async () => {
    const machine = await lab.machine('no-secure-boot', { secureBoot: false });
    await using running = await machine.on();
    const { codes, explained } = await reasonsFor(lab, await firstOutcome(running));
    note(`Secure Boot off: ${codes.join(', ')}`);
    expect(explained).toMatch(/secure-boot|event log/i);
    await keepLogs('secure-boot-off', running);
  });

  test.concurrent('is refused when QEMU hands the kernel over', async () => {
    const machine = await lab.machine('kernel-shortcut');
    const { kernel, initrd, commandLine } = lab.bootFiles();
    const more = ['-kernel', kernel, '-initrd', initrd, '-append', commandLine];
    await using running = await machine.on({ more });
    const { codes } = await reasonsFor(lab, await firstOutcome(running));
    expect(codes).toContain('secure-boot-not-proven');
    await keepLogs('kernel-shortcut', running);
  });

  test.concurrent('is refused when its disks are in another machine', async () => {
    const machine = await lab.machine('moved');
    const other = await lab.machine('thief');
    const { tpmState, firmwareVariables } = other.hardware;
    await using running = await machine.on({ tpmState, firmwareVariables });
    const { codes } = await reasonsFor(lab, await firstOutcome(running));
    expect(codes).toEqual(['node-name-mismatch']);
  });

  test.concurrent('with a clock a year ahead waits, says so, and joins once it is right', async () => {
    const machine = await lab.machine('clock');
    await using running = await machine.on({ clock: new Date(Date.now() + YEAR_MS) });
    const { text } = await running.said('this machine’s clock is off');
    note(text);
    expect(text).toContain('365 days ahead of the service’s');
    await setClock(running, new Date());
    await running.said(JOINED);
  });

  test('is refused as soon as it has run a file that nobody knows, and not before', async () => {
    const machine = await worker();
    expect(await attestAgain(machine)).toEqual({ status: 'joined' });
    await runUnknownFile(machine, '/opt/tool');
    const { codes, explained } = await reasonsFor(lab, await attestAgain(machine));
    expect(codes).toEqual(['ima-file-refused']);
    expect(explained).toContain('/opt/tool');
    await keepLogs('unknown-file', machine);
  });

  test('with a clock almost ten minutes behind, and the service away, joins when the service is back', async () => {
    const machine = await lab.machine('patient');
    await lab.service.stop();
    await using back = new AsyncDisposableStack();
    back.defer(() => lab.service.start());
    await using running = await machine.on({ clock: new Date(Date.now() - 590_000) });
    const { text } = await running.said('cannot be reached');
    expect(text).toContain('connection refused');
    await back.disposeAsync();
    await running.said(JOINED);
    expect(running.console.some(({ text: line }) => line.includes('clock is off'))).toBe(false);
  });

  test('with a new kernel joins beside the old one once its release is known, and the old one is refused after', async () => {
    const next = await updated();
    let accepted = first.demands;
    const { demands, referenceValues } = await captureFrom(lab, next, {
      name: 'release-2',
      refused: await firstOutcome(next),
      use: (captured) => {
        accepted = either(first.demands, captured.demands);
        return lab.usePolicy(poolPolicy(accepted, [first.referenceValues, captured.referenceValues]));
      },
    });
    expect(await attestAgain(canary)).toEqual({ status: 'joined' });
    // The programs are those of before: only the boot of the old release is taken out.
    await lab.usePolicy(poolPolicy({ ...accepted, boot: demands.boot }, [referenceValues]));
    const { codes } = await reasonsFor(lab, await attestAgain(canary));
    expect(codes).toEqual(expect.arrayContaining(['boot-application-refused', 'loader-file-refused']));
    expect(await attestAgain(next)).toEqual({ status: 'joined' });
  });

  test('takes less than 300 ms of a processor for its join, on a processor that is not emulated', async () => {
    const share = await ownShare(lab.agentProgram);
    note(`the agent’s own share on this host: ${JSON.stringify(share)}`);
    expect(share.processorMs).toBeLessThan(300);
  });
});
