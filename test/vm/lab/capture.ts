import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readBootLogs } from './boot-logs.ts';
import type { RunningMachine } from './machine.ts';
import { attestAgain, type Outcome } from './outcome.ts';
import { type Demands, parseDemands, REFERENCE_PCRS } from './pool-policy.ts';
import type { VmLab } from './vm-lab.ts';

/** What an operator takes from a machine of their trust. */
export interface Captured {
  readonly demands: Demands;
  /** As the policy names it. */
  readonly referenceValues: string;
}

/** Cloud-init's last words. They come after the agent is ready, for multi-user.target waits for it. */
const BOOT_IS_OVER = 'finished at';
const MOST_CAPTURES = 4;

/**
 * The demands and reference values that accept what this machine, which was `refused`, has booted and run by the end of its start. What it runs only
 * after it has joined is captured from a later join. `use` puts a policy with them into force. The machine has joined on return.
 */
export async function captureFrom(
  lab: VmLab,
  machine: RunningMachine,
  { name, refused, use }: Capturing,
): Promise<Captured> {
  const referenceValues = `reference/${name}.yaml`;
  let outcome = refused;
  for (let captures = 1; captures <= MOST_CAPTURES; captures++) {
    if (outcome.status !== 'refused') throw new Error('only what was refused is captured');
    const { requestId } = outcome;
    if (captures === 1) {
      const reference = ['--join', requestId, '--pcrs', REFERENCE_PCRS.join(','), '--out', `muster/${referenceValues}`];
      await succeed(lab, 'reference', 'capture', ...reference);
    }
    const demands = await captureDemands(lab, machine, requestId, `${name}-${captures}`);
    await use({ demands, referenceValues });
    outcome = await attestAgain(machine);
    if (outcome.status !== 'joined') continue;
    await machine.said(BOOT_IS_OVER);
    outcome = await attestAgain(machine);
    if (outcome.status === 'joined') return { demands, referenceValues };
  }
  throw new Error(`the machine still runs something new after ${MOST_CAPTURES} captures`);
}

interface Capturing {
  /** Of the release. */
  readonly name: string;
  readonly refused: Outcome;
  readonly use: (captured: Captured) => Promise<void>;
}

async function captureDemands(lab: VmLab, machine: RunningMachine, requestId: string, name: string): Promise<Demands> {
  const { eventLog, imaLog } = await readBootLogs(machine);
  const file = (kind: string): string => join(lab.folder, `${name}.${kind}`);
  await writeFile(file('evl'), eventLog ?? '');
  await writeFile(file('ima'), imaLog);
  const logs = ['--event-log', file('evl'), '--ima-log', file('ima')];
  await succeed(lab, 'policy', 'capture', '--join', requestId, ...logs, '--out', file('yaml'));
  return parseDemands(await readFile(file('yaml'), 'utf8'));
}

async function succeed(lab: VmLab, ...args: readonly string[]): Promise<void> {
  const { exitCode, err } = await lab.service.muster(...args);
  if (exitCode !== 0) throw new Error(`muster ${args.join(' ')}: ${err}`);
}
