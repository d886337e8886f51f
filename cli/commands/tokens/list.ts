import { Command } from 'commander';

import { type TokenList, tokenListSchema } from '#protocol/join-token.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import type { Style } from '../../render/style.ts';
import { type Column, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

const COLUMNS: readonly Column<TokenList['tokens'][number]>[] = [
  { heading: 'ID', cell: ({ id }) => id },
  { heading: 'NAME', cell: ({ name }) => name },
  { heading: 'POOL', cell: ({ pool }) => pool },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'EXPIRES', cell: ({ expiresAt }) => renderTime(expiresAt) },
  { heading: 'BY', cell: ({ createdBy }) => createdBy },
];

/** `muster tokens list`. */
export function tokensListCommand(muster: Muster): Command {
  return new Command('list')
    .description('join tokens, newest first; what is secret in them nobody can see again')
    .addHelpText('after', '\nExamples:\n  $ muster tokens list')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const list = await client.get('/v1/tokens', { limit: 1_000 }, tokenListSchema);
      writeAnswer(muster.terminal, options.output, list, render);
    });
}

const render = ({ tokens }: TokenList, style: Style): string =>
  tokens.length === 0 ? 'There are no join tokens.\n' : renderTable(COLUMNS, tokens, style);
