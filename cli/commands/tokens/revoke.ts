import { Command } from 'commander';

import { tokenSummarySchema } from '#protocol/join-token.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { writeAnswer } from '../../render/output.ts';

/** `muster tokens revoke ID`. */
export function tokensRevokeCommand(muster: Muster): Command {
  return new Command('revoke')
    .description('take a join token back that nobody has used yet')
    .argument('<id>', 'as `muster tokens list` shows it')
    .addHelpText('after', '\nExamples:\n  $ muster tokens revoke 5b2f0c1d9e8a7b66')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const token = await orNotFound(
        client.post(`/v1/tokens/${encodeURIComponent(id)}/revoke`, undefined, tokenSummarySchema),
        `there is no join token ${id}`,
        '`muster tokens list` shows them.',
      );
      writeAnswer(muster.terminal, options.output, token, ({ name }) => `Token ${id} for ${name} is revoked.\n`);
    });
}
