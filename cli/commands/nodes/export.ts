import { Command } from 'commander';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

import { withQuery } from '../../client.ts';
import type { GlobalOptions, Muster } from '../../muster.ts';
import { type FilterOptions, filterQuery, withFilter } from './filter.ts';

/** `muster nodes export`. */
export function nodesExportCommand(muster: Muster): Command {
  return withFilter(
    new Command('export').description('all nodes as one file on standard output: -o csv (unless said) or -o json'),
  )
    .addHelpText(
      'after',
      '\nIn CSV every field is quoted, and one that a spreadsheet would calculate begins with an apostrophe.\n\nExamples:\n  $ muster nodes export > nodes.csv\n  $ muster nodes export -o json --connectivity lost',
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & FilterOptions>();
      if (options.output === 'yaml') throw new CommandFailure(EXIT.usage, 'nodes are exported as csv or json');
      const { client } = muster.connect(options);
      using _client = client;
      const format = options.output === 'json' ? 'json' : 'csv';
      const path = withQuery('/v1/exports/nodes', { ...filterQuery(options), format });
      await client.stream({ path, onText: muster.terminal.out });
    });
}
