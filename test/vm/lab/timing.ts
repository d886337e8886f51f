import type { ConsoleLine, RunningMachine } from './machine.ts';

/** A boot up to its certificate, in milliseconds of the host's clock. */
export interface BootTimes {
  /** Power-on, firmware, shim and GRUB, to the kernel's first instruction. */
  readonly firmware: number;
  /** From there until the agent speaks: kernel, systemd, network, cloud-init, and IMA's measuring of the agent's program. */
  readonly system: number;
  /** The TPM is opened, its EK is found and an AK made. */
  readonly tpm: number;
  /** The connection to the service, and a challenge. */
  readonly challenge: number;
  /** Quote and logs from the TPM and the kernel, the service's judgement, the certificate in its place. */
  readonly join: number;
  readonly total: number;
}

const STAMP = /\[ *([0-9]+\.[0-9]+)\] muster-agent\[/;

/** How long each part took, of a machine that has joined. The agent's lines carry the kernel's clock. */
export function bootTimes({ console }: Pick<RunningMachine, 'console'>): BootTimes {
  const at = (text: string): { readonly line: ConsoleLine; readonly kernelMs: number } => {
    const line = console.find((candidate) => STAMP.test(candidate.text) && candidate.text.includes(text));
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
  const kernelStartMs = joined.line.atMs - joined.kernelMs;
  return {
    firmware: kernelStartMs,
    system: speaks.kernelMs,
    tpm: asks.kernelMs - opens.kernelMs,
    challenge: proves.kernelMs - asks.kernelMs,
    join: joined.kernelMs - proves.kernelMs,
    total: joined.line.atMs,
  };
}

/** One line for the report. */
export function renderTimes(times: BootTimes): string {
  const seconds = Object.entries(times).map(([part, ms]: [string, number]) => `${part} ${(ms / 1_000).toFixed(1)} s`);
  return seconds.join(', ');
}
