import { z } from 'zod';

import type { RunningMachine } from './machine.ts';
import type { VmLab } from './vm-lab.ts';

/** What an attestation came to, by the agent's words on the console. */
export type Outcome = { readonly status: 'joined' } | { readonly status: 'refused'; readonly requestId: string };

/** Why the service refused a join. */
export interface Refusal {
  /** What the audit log has, in order, each once. */
  readonly codes: readonly string[];
  /** What `muster policy explain` prints of it. */
  readonly explained: string;
}

export const REFUSED = 'The service refused this node';
export const JOINED = 'Joined as';
const REQUEST = /joins show ([0-9a-f-]{36})/;

const joinSchema = z.looseObject({ denials: z.array(z.looseObject({ code: z.string() })) });

/** What the machine's attestations came to so far. */
function outcomes({ console }: Pick<RunningMachine, 'console'>): readonly Outcome[] {
  return console.flatMap(({ text }): readonly Outcome[] => {
    if (text.includes(JOINED)) return [{ status: 'joined' }];
    return text.includes(REFUSED) ? [{ status: 'refused', requestId: REQUEST.exec(text)?.[1] ?? '' }] : [];
  });
}

/** The machine's first attestation since its power came on. */
export async function firstOutcome(machine: RunningMachine): Promise<Outcome> {
  return outcomeAfter(machine, 0);
}

/** Has the running agent attest at once, as `systemctl kill --signal=USR1` does. */
export async function attestAgain(machine: RunningMachine): Promise<Outcome> {
  const before = outcomes(machine).length;
  using guest = await machine.guest();
  await guest.run('/usr/bin/systemctl', 'kill', '--kill-whom=main', '--signal=USR1', 'muster-agent.service');
  return outcomeAfter(machine, before);
}

async function outcomeAfter(machine: RunningMachine, before: number): Promise<Outcome> {
  await machine.saidWhere(() => outcomes(machine).length > before, 'what its attestation came to');
  const outcome = outcomes(machine)[before];
  if (outcome === undefined) throw new Error('an outcome is gone from the console');
  return outcome;
}

/** The service's reasons for a refusal. Throws where the machine joined. */
export async function reasonsFor(lab: Pick<VmLab, 'service'>, outcome: Outcome): Promise<Refusal> {
  if (outcome.status !== 'refused') throw new Error('the machine joined, and should have been refused');
  const shown = await lab.service.muster('joins', 'show', outcome.requestId, '-o', 'json');
  if (shown.exitCode !== 0) throw new Error(shown.err);
  const { out: explained } = await lab.service.muster('policy', 'explain', '--join', outcome.requestId);
  const { denials } = joinSchema.parse(JSON.parse(shown.out));
  return { codes: [...new Set(denials.map(({ code }) => code))], explained };
}
