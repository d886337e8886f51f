import { Command } from 'commander';

import { nodeListSchema } from '#protocol/inventory.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { writeAnswer } from '../../render/output.ts';

/** `muster nodes renew NAME`. */
export function nodesRenewCommand(muster: Muster): Command {
  return new Command('renew')
    .description('asks a node to join again at its next heartbeat, and so to prove its state anew')
    .argument('<name>', 'the node’s name')
    .addHelpText('after', '\nExamples:\n  $ muster nodes renew worker-7')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const asked = await orNotFound(
        client.post(`/v1/nodes/${encodeURIComponent(name)}/renewal`, {}, nodeListSchema),
        `there is no node named ${name}`,
        '`muster nodes list` shows all there are.',
      );
      writeAnswer(
        muster.terminal,
        options.output,
        asked,
        () => `${name} is told with its next heartbeat. Follow it: muster nodes watch ${name}\n`,
      );
    });
}
