import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { agentDeb, imageCache, keptLogs } from './config.ts';
import { keepBootLogs, readBootLogs } from './lab/boot-logs.ts';
import { type Captured, captureFrom } from './lab/capture.ts';
import type { RunningMachine } from './lab/machine.ts';
import { missingForMachines } from './lab/needs.ts';
import { either, poolPolicy } from './lab/pool-policy.ts';
import { attestAgain, JOINED, nextOutcome, refusalOf } from './lab/refusal.ts';
import { bootTimes, renderTimes } from './lab/timing.ts';
import { type Machine, type VmLab, vmLab } from './lab/vm-lab.ts';

const missing = missingForMachines();
if (missing.length > 0) console.warn(`SKIPPED: virtual machines with real firmware need ${missing.join(', ')}`);

const YEAR_MS = 365 * 86_400_000;

/** Processor time of the agent's unit, as its control group counts it. */
async function agentCpuMs(machine: RunningMachine): Promise<number> {
  using guest = await machine.guest();
  const stat = await guest.readFile('/sys/fs/cgroup/system.slice/muster-agent.service/cpu.stat');
  return Math.round(Number(/usage_usec ([0-9]+)/.exec(stat.toString('utf8'))?.[1]) / 1_000);
}

async function setClock(machine: RunningMachine, at: Date): Promise<void> {
  using guest = await machine.guest();
  await guest.setTime(at);
}

async function restart(machine: RunningMachine): Promise<void> {
  using guest = await machine.guest();
  guest.shutdown('reboot');
}

describe.skipIf(missing.length > 0)('a machine with real firmware, a real kernel and a TPM', () => {
  let lab: VmLab;
  let first: Captured;
  const undo = new AsyncDisposableStack();
  const report: string[] = [];
  const keep = keptLogs();

  const note = (text: string): void => void report.push(text);
  const keepLogs = async (scene: string, machine: RunningMachine): Promise<void> => {
    if (keep !== undefined) await keepBootLogs(keep, scene, await readBootLogs(machine));
  };
  beforeAll(async () => {
    const from = performance.now();
    lab = undo.use(await vmLab({ cache: imageCache(), deb: agentDeb() }));
    const seconds = (): string => `${((performance.now() - from) / 1_000).toFixed(0)} s`;
    note(`image and service: ${seconds()}, ${lab.agentName}`);
    await lab.usePolicy(poolPolicy(undefined, []));
    const canary = await lab.machine('canary-1');
    await using running = await canary.on();
    first = await captureFrom(lab, running, 'release-1', ({ demands, referenceValues }) =>
      lab.usePolicy(poolPolicy(demands, [referenceValues])),
    );
    note(`a canary’s first boot, captured: ${seconds()} from the start`);
  });
  afterAll(async () => {
    console.log(`Of these machines:\n${report.join('\n')}`);
    await undo.disposeAsync();
  });

  test.concurrent('joins at its first boot with no hand on it, and again by itself when it is restarted', async () => {
    const machine = await lab.machine('worker-1');
    await using running = await machine.on();
    await running.said(JOINED);
    note(`boot to certificate: ${renderTimes(bootTimes(running))}`);
    note(`the agent’s processor time until then: ${await agentCpuMs(running)} ms, emulated`);
    await keepLogs('good', running);
    await restart(running);
    await running.said(JOINED, { times: 2 });
    const { out } = await lab.service.muster('nodes', 'show', 'worker-1', '-o', 'json');
    expect(out).toContain('"joined"');
    await keepLogs('good-again', running);
  });

  test.concurrent('is refused with another kernel command line', async () => {
    const commandLine = `${lab.bootFiles().commandLine} module.sig_enforce=0`;
    const machine = await lab.machine('command-line', { boot: { commandLine } });
    await using running = await machine.on();
    const { codes, explained } = await refusalOf(lab, running);
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
    const { codes, explained } = await refusalOf(lab, running);
    expect(codes).toEqual(['loader-file-refused']);
    expect(explained).toContain('initrd.img');
    await keepLogs('initrd', running);
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
    const { codes, explained } = await refusalOf(lab, running);
    note(`Secure Boot off: ${codes.join(', ')}`);
    expect(explained).toMatch(/secure-boot|event log/i);
    await keepLogs('secure-boot-off', running);
  });

  test.concurrent('is refused when QEMU hands the kernel over', async () => {
    const machine = await lab.machine('kernel-shortcut');
    const { kernel, initrd, commandLine } = lab.bootFiles();
    const more = ['-kernel', kernel, '-initrd', initrd, '-append', commandLine];
    await using running = await machine.on({ more });
    const { codes } = await refusalOf(lab, running);
    expect(codes).toContain('secure-boot-not-proven');
    await keepLogs('kernel-shortcut', running);
  });

  test.concurrent('is refused after it ran a file that nobody knows, and not before', async () => {
    const bootcmd = [['sh', '-c', 'cp /bin/true /opt/tool; echo >>/opt/tool; /opt/tool']];
    const machine = await lab.machine('unknown-file', { userData: { bootcmd } });
    await using running = await machine.on();
    const { codes, explained } = await refusalOf(lab, running);
    expect(codes).toEqual(['ima-file-refused']);
    expect(explained).toContain('/opt/tool');
    await keepLogs('unknown-file', running);
  });

  test.concurrent('is refused when its disks are in another machine', async () => {
    const machine = await lab.machine('moved');
    const other = await lab.machine('thief');
    const { tpmState, firmwareVariables } = other.hardware;
    await using running = await machine.on({ tpmState, firmwareVariables });
    const { codes } = await refusalOf(lab, running);
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

  test('with a clock almost ten minutes behind, and the service away, joins when the service is back', async () => {
    await lab.service.stop();
    const machine = await lab.machine('patient');
    await using running = await machine.on({ clock: new Date(Date.now() - 590_000) });
    const { text } = await running.said('cannot be reached');
    expect(text).toContain('connection refused');
    await lab.service.start();
    await running.said(JOINED);
    expect(running.console.some(({ text: line }) => line.includes('clock is off'))).toBe(false);
  });

  test('with a new kernel is refused, joins once its release is known, and the old one is refused after', async () => {
    const [, second] = lab.image.kernels;
    if (second === undefined) return console.warn('SKIPPED: Debian has one signed kernel only');
    const { kernel, initrd } = second;
    const updated: Machine = await lab.machine('updated', { boot: { kernel, initrd } });
    await using next = await updated.on();
    const refusal = await refusalOf(lab, next);
    expect(refusal.codes).toEqual(expect.arrayContaining(['boot-application-refused', 'loader-file-refused']));
    await keepLogs('other-kernel', next);
    const release = await captureFrom(lab, next, 'release-2', ({ demands, referenceValues }) =>
      lab.usePolicy(poolPolicy(either(first.demands, demands), [first.referenceValues, referenceValues])),
    );
    const old = await lab.machine('outdated');
    await using previous = await old.on();
    await previous.said(JOINED);
    await lab.usePolicy(poolPolicy(release.demands, [release.referenceValues]));
    await attestAgain(previous);
    expect(await nextOutcome(previous)).toBe('refused');
    const { codes } = await refusalOf(lab, previous);
    expect(codes).toEqual(expect.arrayContaining(['boot-application-refused', 'loader-file-refused']));
    await attestAgain(next);
    expect(await nextOutcome(next)).toBe('joined');
  });
});
