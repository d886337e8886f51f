import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readBootLogs } from './boot-logs.ts';
import type { RunningMachine } from './machine.ts';
import { type Demands, parseDemands, REFERENCE_PCRS } from './pool-policy.ts';
import { attestAgain, JOINED, nextOutcome, refusalOf } from './refusal.ts';
import type { VmLab } from './vm-lab.ts';

/** What an operator takes from a machine of their trust. */
export interface Captured {
  readonly demands: Demands;
  /** As the policy names it. */
  readonly referenceValues: string;
}

/** Cloud-init's last words. They come after the agent is ready, for multi-user.target waits for it. */
const BOOT_IS_OVER = 'finished at';

/**
 * The demands and reference values that accept what this machine, which was refused once, has booted and run by the end of its start. What it runs
 * only after it has joined is captured from a second join. `use` puts a policy with them into force. The machine has joined on return.
 */
export async function captureFrom(
  lab: VmLab,
  machine: RunningMachine,
  name: string,
  use: (captured: Captured) => Promise<void>,
): Promise<Captured> {
  const { requestId } = await refusalOf(lab, machine);
  const referenceValues = `reference/${name}.yaml`;
  const reference = ['--join', requestId, '--pcrs', REFERENCE_PCRS.join(','), '--out', `muster/${referenceValues}`];
  await succeed(lab, 'reference', 'capture', ...reference);
  let captured = { referenceValues, demands: await captureDemands(lab, machine, requestId, `${name}-first`) };
  await use(captured);
  await attestAgain(machine);
  for (let captures = 2; captures <= 4; captures++) {
    if ((await nextOutcome(machine)) === 'joined') {
      await machine.said(BOOT_IS_OVER);
      await attestAgain(machine);
      if ((await nextOutcome(machine)) === 'joined') return captured;
    }
    const refusal = await refusalOf(lab, machine, captures);
    captured = {
      referenceValues,
      demands: await captureDemands(lab, machine, refusal.requestId, `${name}-${captures}`),
    };
    await use(captured);
    await attestAgain(machine);
  }
  await machine.said(JOINED);
  return captured;
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
