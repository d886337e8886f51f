import { Command } from 'commander';

import { type ImaDemands, imaDemandsSchema } from '#protocol/ima-demands.ts';
import { type JoinList, joinListSchema } from '#protocol/joins.ts';
import { referenceListSchema } from '#protocol/reference.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { wholeNumber } from '../../option-values.ts';

/** Judges joins under the policy in a file. */
export type PolicyTestWork = (
  file: string,
  world: { readonly joins: JoinList['joins']; readonly retired: readonly string[]; readonly imaInForce: ImaDemands },
) => Promise<void>;

interface Options extends GlobalOptions {
  readonly against: number;
}

/** `muster policy test FILE`. */
export function policyTestCommand(muster: Muster, work: PolicyTestWork): Command {
  return new Command('test')
    .description('before a change: whom of the last joins a policy file would refuse, and whom it would newly admit')
    .argument('<file>', 'the policy file')
    .option('--against <joins>', 'how many joins, the newest first', wholeNumber(1, 1_000), 100)
    .addHelpText(
      'after',
      `
The evidence that was verified then is judged again, here; nothing is changed anywhere.

Exit code 1 means: somebody who was admitted would be refused, or may be.

Examples:
  $ muster policy test policy.yaml --against 500`,
    )
    .action(async (file: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const { joins } = await client.get('/v1/joins', { limit: options.against }, joinListSchema);
      const { retired } = await client.get('/v1/reference-values', {}, referenceListSchema);
      const imaInForce = await client.get('/v1/policy/ima', {}, imaDemandsSchema);
      await work(file, { joins, retired, imaInForce });
    });
}
