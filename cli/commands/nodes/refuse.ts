import { Command } from 'commander';

import { type CandidateRefused, candidateRefusedSchema } from '#protocol/candidates.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import { renderTime } from '../../render/time.ts';
import { findCandidate, listCandidates } from './candidates.ts';

interface Options extends GlobalOptions {
  readonly reason: string;
}

/** `muster nodes refuse`. */
export function nodesRefuseCommand(muster: Muster): Command {
  return new Command('refuse')
    .description('refuse a machine that waits')
    .argument('<id|name>', 'its id, or the name that it claims')
    .requiredOption('--reason <text>', 'why, for those who ask later; the machine is not told')
    .addHelpText(
      'after',
      `
It is refused for as long as it would have waited. For good: put its EK on the policy's deniedEks.

Examples:
  $ muster nodes refuse worker-9 --reason "not in the rack plan"`,
    )
    .action(async (which: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const { candidate } = findCandidate((await listCandidates(client)).candidates, which);
      const { reason } = options;
      const answer = await client.post(`/v1/candidates/${candidate.id}/refuse`, { reason }, candidateRefusedSchema);
      writeAnswer(
        muster.terminal,
        options.output,
        answer,
        ({ expiresAt }: CandidateRefused, style) => `${style.good(`Refused until ${renderTime(expiresAt)}.`)}\n`,
      );
    });
}
