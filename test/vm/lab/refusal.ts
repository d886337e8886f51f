import { z } from 'zod';

import type { RunningMachine } from './machine.ts';
import type { VmLab } from './vm-lab.ts';

/** A join that the service refused. */
export interface Refusal {
  readonly requestId: string;
  /** What the audit log has, in order, each once. */
  readonly codes: readonly string[];
  /** What `muster policy explain` prints of it. */
  readonly explained: string;
}

const REQUEST = /joins show ([0-9a-f-]{36})/;
export const REFUSED = 'The service refused this node';
export const JOINED = 'Joined as';

const joinSchema = z.looseObject({ denials: z.array(z.looseObject({ code: z.string() })) });

/** The machine's next refusal, from its console, and the service's reasons for it. */
export async function refusalOf(lab: VmLab, machine: RunningMachine, times = 1): Promise<Refusal> {
  const { text } = await machine.said(REFUSED, { times });
  const requestId = REQUEST.exec(text)?.[1] ?? '';
  const shown = await lab.service.muster('joins', 'show', requestId, '-o', 'json');
  if (shown.exitCode !== 0) throw new Error(shown.err);
  const { out: explained } = await lab.service.muster('policy', 'explain', '--join', requestId);
  const { denials } = joinSchema.parse(JSON.parse(shown.out));
  return { requestId, codes: [...new Set(denials.map(({ code }) => code))], explained };
}

/** What the attestation came to that `attestAgain` asked for last. */
export async function nextOutcome(machine: RunningMachine): Promise<'joined' | 'refused'> {
  const outcomes = (): number => machine.console.filter(({ text }) => isOutcome(text)).length;
  const { outcomesBefore } = asked.get(machine) ?? { outcomesBefore: 0 };
  await machine.saidWhere(() => outcomes() > outcomesBefore, 'what its attestation came to');
  const last = machine.console.findLast(({ text }) => isOutcome(text));
  return last?.text.includes(JOINED) === true ? 'joined' : 'refused';
}

const isOutcome = (text: string): boolean => text.includes(JOINED) || text.includes(REFUSED);
const asked = new WeakMap<RunningMachine, { readonly outcomesBefore: number }>();

/** Has the running agent attest again at once. */
export async function attestAgain(machine: RunningMachine): Promise<void> {
  asked.set(machine, { outcomesBefore: machine.console.filter(({ text }) => isOutcome(text)).length });
  using guest = await machine.guest();
  await guest.run('/usr/bin/systemctl', 'kill', '--kill-whom=main', '--signal=USR1', 'muster-agent.service');
}
