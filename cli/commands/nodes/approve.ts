import { Command } from 'commander';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { type CandidateApprovalBody, type CandidateApproved, candidateApprovedSchema } from '#protocol/candidates.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import { safeText } from '../../render/safe-text.ts';
import type { Style } from '../../render/style.ts';
import { findCandidate, type FoundCandidate, listCandidates } from './candidates.ts';

interface Options extends GlobalOptions {
  readonly name?: string;
  readonly pool?: string;
  readonly revision?: string;
}

/** `muster nodes approve`. */
export function nodesApproveCommand(muster: Muster): Command {
  return new Command('approve')
    .description('let a machine in that waits')
    .argument('<id|name>', 'its id, or the name that it claims: typing the name confirms it')
    .option('--name <name>', 'the node’s name, where it is not the one that the machine claims')
    .option('--pool <name>', 'another pool than the one it waits for')
    .option('--revision <n>', 'what you saw, where the machine has changed since it was first seen')
    .addHelpText(
      'after',
      `
The machine joins by itself within a minute, and its evidence is judged again then. It has to claim the name
that it was approved under.

Examples:
  $ muster nodes approve worker-9
  $ muster nodes approve 1c0ffee1 --name worker-9 --pool edge
  $ muster nodes approve worker-9 --revision 2`,
    )
    .action(async (which: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const found = findCandidate((await listCandidates(client)).candidates, which);
      const { candidate } = found;
      const path = `/v1/candidates/${candidate.id}/approve`;
      const answer = await client.post(path, approvalOf(found, options), candidateApprovedSchema);
      const claimed = candidate.proof.claimedNodeName;
      writeAnswer(muster.terminal, options.output, answer, (approved, style) =>
        renderApproved(approved, claimed, style),
      );
    });
}

function approvalOf({ candidate, byName }: FoundCandidate, { name, pool, revision }: Options): CandidateApprovalBody {
  const { nodeName, proof, changes } = candidate;
  const confirmed = name ?? (byName && nodeName === undefined ? proof.claimedNodeName : undefined);
  if (nodeName === undefined && confirmed === undefined) {
    throw new CommandFailure(
      EXIT.usage,
      `the machine says that it is ${safeText(proof.claimedNodeName)}, and nobody has confirmed that`,
      'Give its name with --name.',
    );
  }
  if (revision === undefined && changes.length > 0) {
    throw new CommandFailure(
      EXIT.usage,
      `it has changed since it was first seen: ${changes.map(({ member }) => safeText(member)).join(', ')}`,
      `\`muster nodes pending ${candidate.id.slice(0, 8)}\` shows how; approve what you saw there with --revision ${candidate.revision}.`,
    );
  }
  const seen = revision === undefined ? candidate.revision : Number(revision);
  if (!Number.isSafeInteger(seen) || seen < 1) throw new CommandFailure(EXIT.usage, '--revision is a number from 1 on');
  return {
    revision: seen,
    ...(confirmed === undefined ? {} : { name: confirmed }),
    ...(pool === undefined ? {} : { pool }),
  };
}

function renderApproved({ node }: CandidateApproved, claimed: string, style: Style): string {
  const done = style.good(`${safeText(node.name)} of pool ${safeText(node.pool)} may join.`);
  if (node.name === claimed) return `${done}\n`;
  const warning = `The machine claims to be ${safeText(claimed)}: it is refused until its agent is configured as ${safeText(node.name)}.`;
  return `${done}\n${style.warn(warning)}\n`;
}
