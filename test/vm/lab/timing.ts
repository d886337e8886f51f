import type { ConsoleLine, RunningMachine } from './machine.ts';

/** A boot up to its certificate, in milliseconds: of the host's clock up to the kernel, of the machine's from there. */
export interface BootTimes {
  /** Power-on, firmware, shim and GRUB, and the kernel unpacking itself. */
  readonly firmware: number;
  /** The kernel, up to the initial RAM disk's first program. */
  readonly kernel: number;
  /** The initial RAM disk and systemd, until the network is online, cloud-init's first stage within. */
  readonly network: number;
  /** Cloud-init's second stage writes the agent's configuration. */
  readonly cloudInit: number;
  /** From the agent's execution, which waits for IMA's digest of it, to its first word. */
  readonly agentStarts: number;
  /** The TPM is opened, its EK is found and an AK made. */
  readonly tpm: number;
  /** The connection to the service, and a challenge. */
  readonly challenge: number;
  /** Quote and logs from the TPM and the kernel, the service's judgement, the certificate in its place. */
  readonly join: number;
  readonly total: number;
}

const STAMP = /\[ *([0-9]+\.[0-9]+)\] muster-agent\[/;

/** How long each part of a boot took, of a machine that has joined. The agent's lines carry the kernel's clock, as systemd's records do. */
export async function bootTimes(machine: RunningMachine): Promise<BootTimes> {
  const at = (text: string): { readonly line: ConsoleLine; readonly kernelMs: number } => {
    const line = machine.console.find((candidate) => STAMP.test(candidate.text) && candidate.text.includes(text));
    if (line === undefined) throw new Error(`the console has no line of the agent with "${text}"`);
    return { line, kernelMs: Number(STAMP.exec(line.text)?.[1]) * 1_000 };
  };
  const [speaks, opens, asks, proves, joined] = [
    at('The agent runs as'),
    at('Opening the TPM.'),
    at('Asking for a challenge'),
    at('Proving what this machine is'),
    at('Joined as'),
  ];
  const { userspace, online, executed } = await systemdTimes(machine);
  return {
    firmware: joined.line.atMs - joined.kernelMs,
    kernel: userspace,
    network: online - userspace,
    cloudInit: executed - online,
    agentStarts: speaks.kernelMs - executed,
    tpm: asks.kernelMs - opens.kernelMs,
    challenge: proves.kernelMs - asks.kernelMs,
    join: joined.kernelMs - proves.kernelMs,
    total: joined.line.atMs,
  };
}

/** Milliseconds since the kernel started. */
async function systemdTimes(machine: RunningMachine) {
  using guest = await machine.guest();
  const recorded = async (property: string, ...unit: readonly string[]): Promise<number> => {
    const shown = await guest.run('/usr/bin/systemctl', 'show', '--value', `--property=${property}`, ...unit);
    return Number(shown.trim()) / 1_000;
  };
  return {
    userspace: await recorded('UserspaceTimestampMonotonic'),
    online: await recorded('ActiveEnterTimestampMonotonic', 'network-online.target'),
    executed: await recorded('ExecMainStartTimestampMonotonic', 'muster-agent.service'),
  };
}

/** Processor time of the agent's unit so far, as its control group counts it, in the machine's milliseconds. */
export async function agentCpuMs(machine: RunningMachine): Promise<number> {
  using guest = await machine.guest();
  const stat = await guest.readFile('/sys/fs/cgroup/system.slice/muster-agent.service/cpu.stat');
  return Math.round(Number(/usage_usec ([0-9]+)/.exec(stat.toString('utf8'))?.[1]) / 1_000);
}

/** One line for the report. */
export function renderTimes(times: object): string {
  const parts = Object.entries(times).map(([part, ms]) => `${part} ${(Number(ms) / 1_000).toFixed(2)} s`);
  return parts.join(', ');
}
