import { Command } from 'commander';

import { nodeHistorySchema } from '#protocol/inventory-query.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { wholeNumber } from '../../option-values.ts';
import { writeAnswer } from '../../render/output.ts';
import { renderRecords } from '../../render/records.ts';

interface Options extends GlobalOptions {
  readonly lines: number;
  readonly before?: number;
}

/** `muster nodes history NAME`. */
export function nodesHistoryCommand(muster: Muster): Command {
  return new Command('history')
    .description('what the audit log says of a node, newest first; of every node that ever had the name')
    .argument('<name>', 'the node’s name')
    .option('-n, --lines <count>', 'how many records, 1000 at most', wholeNumber(1, 1_000), 50)
    .option('--before <number>', 'only records before this one', wholeNumber(1, 999_999_999_999_999))
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster nodes history worker-7\n  $ muster nodes history worker-7 -n 200 -o json',
    )
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const query = { limit: options.lines, before: options.before };
      const history = await orNotFound(
        client.get(`/v1/nodes/${encodeURIComponent(name)}/history`, query, nodeHistorySchema),
        `the audit log has nothing about a node named ${name}`,
        '`muster nodes list` shows all there are.',
      );
      writeAnswer(muster.terminal, options.output, history, ({ records, next }, style) => {
        const more = next === undefined ? '' : style.faint(`More: --before ${next}\n`);
        return renderRecords(records, style) + more;
      });
    });
}
