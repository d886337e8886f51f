import { resolve } from 'node:path';

import { type Policy, retireReferenceValues } from '#attestation/evidence-policy.ts';
import { replayJoin, type Replay } from '#attestation/replay-join.ts';
import { CommandFailure, EXIT, type ExitCode } from '#core/exit-code.ts';
import { isPoolName } from '#core/ids.ts';
import type { ImaDemands } from '#protocol/ima-demands.ts';
import type { RecordedJoin } from '#protocol/joins.ts';
import { originOf } from '#services/http/origin.ts';
import { type JoinPolicy, joinPolicy } from '#services/join/join-policy.ts';

import { placeFaults, renderFault } from '../policy-faults.ts';
import { readPolicy } from '../policy-source.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import type { CommandTerminal } from './command-terminal.ts';

/** What the running service knows that the files do not. */
export interface PolicyTestWorld {
  readonly joins: readonly RecordedJoin[];
  /** Names of retired reference values. */
  readonly retired: readonly string[];
  readonly imaInForce: ImaDemands;
}

/** One join that the policy would treat otherwise than it was treated. */
interface Change {
  readonly join: RecordedJoin;
  readonly replay: Replay;
}

/**
 * Says what the policy in `file` would make of joins on record, and changes nothing. Exit code 0: everybody who was admitted would be; 1: somebody
 * would be refused, or may be, because the policy asks for what is not on record. Throws CommandFailure where the policy is not valid.
 */
export async function testPolicy(file: string, world: PolicyTestWorld, terminal: CommandTerminal): Promise<ExitCode> {
  const path = resolve(terminal.workingDirectory, file);
  const policy = retireReferenceValues(await read(path), new Set(world.retired));
  const ready = joinPolicy(policy);
  const replays = world.joins.map((join): Change => ({
    join,
    replay: replayFrom(join, ready, replayJoin(join, policy, terminal.now(), world.imaInForce)),
  }));
  const judged = replays.filter(({ replay }) => replay.verdict !== 'not-judged');
  const of = (outcome: RecordedJoin['outcome'], verdict: Replay['verdict']): readonly Change[] =>
    judged.filter(({ join, replay }) => join.outcome === outcome && replay.verdict === verdict);
  const lost = of('issued', 'refused');
  const unsure = of('issued', 'unknown');
  const gained = of('refused', 'admitted');
  terminal.out(
    section('Admitted then, and would be refused', lost) +
      section('Admitted then; the policy asks for what is not on record', unsure) +
      section('Refused then, and would be admitted', gained) +
      `${judged.length} joins judged, ${replays.length - judged.length} without verified evidence left out: ` +
      `${lost.length} would be refused, ${unsure.length} unknown, ${gained.length} newly admitted. Nothing was changed.\n`,
  );
  return lost.length + unsure.length > 0 ? EXIT.negative : EXIT.ok;
}

/** The same, and the address the join came from has to be one that the pool takes. */
function replayFrom(join: RecordedJoin, ready: JoinPolicy, replay: Replay): Replay {
  const { pool, address } = join;
  const origin = address === undefined ? undefined : originOf(address);
  if (replay.verdict === 'not-judged' || pool === undefined || !isPoolName(pool) || address === undefined)
    return replay;
  if (origin !== undefined && ready.admitsTo(pool, origin)) return replay;
  const denial = { code: 'origin-refused', found: address, detail: `pool ${pool} takes no joins from there` };
  return { ...replay, verdict: 'refused', denials: [...replay.denials, denial] };
}

async function read(path: string): Promise<Policy> {
  try {
    return await readPolicy(path);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandFailure(
      EXIT.dataRefused,
      ['the policy is not valid:', ...placeFaults(path, error).map(renderFault)].join('\n  '),
    );
  }
}

function section(title: string, changes: readonly Change[]): string {
  if (changes.length === 0) return '';
  const lines = changes.map(({ join, replay }) => {
    const reasons = replay.denials.map(({ code, pcr, expected, found }) => {
      const about = pcr === undefined ? '' : ` PCR ${pcr}`;
      const wanted = expected === undefined ? '' : ` wanted ${expected}`;
      return `    ${code}${about}${wanted}${found === undefined ? '' : ` found ${found}`}\n`;
    });
    const by = replay.referenceValues === undefined ? '' : ` by ${replay.referenceValues}`;
    const doubts = replay.doubts.map((doubt) => `    IMA list: ${doubt}\n`);
    return `  ${join.nodeName ?? 'unknown'} (${join.pool ?? 'no pool'}), ${join.at}, join ${join.requestId}${by}\n${[...reasons, ...doubts].join('')}`;
  });
  return `${title}:\n${lines.join('')}`;
}
