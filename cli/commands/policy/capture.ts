import { Command } from 'commander';

import { joinExplanationSchema, type RecordedJoin } from '#protocol/joins.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';

interface Files {
  readonly eventLog?: string;
  readonly imaLog?: string;
  readonly out?: string;
}

/** Turns what a join proved into demands. */
export type PolicyCaptureWork = (join: RecordedJoin, files: Files) => Promise<void>;

interface Options extends GlobalOptions, Files {
  readonly join: string;
}

/** `muster policy capture --join REQUEST`. */
export function policyCaptureCommand(muster: Muster, work: PolicyCaptureWork): Command {
  return new Command('capture')
    .description('turn what a trusted machine booted and ran into the demands of a policy, for review')
    .requiredOption('--join <request>', 'a join of that machine, with or without urn:uuid: in front')
    .option('--event-log <file>', 'its event log; without it, the boot as the join’s record has it')
    .option('--ima-log <file>', 'its IMA list, binary')
    .option('--out <file>', 'where to write it; an existing file is never overwritten (without it: standard output)')
    .addHelpText(
      'after',
      `
The logs are copied from the machine. They count only as far as they give the PCR values that the
join's quote proved, and must be of the same boot. Nothing is changed anywhere.

Examples:
  $ muster policy capture --join 0e8f2c3a-5f0e-4d3e-9b0a-6a7e2b1c4d5f
  $ muster policy capture --join 0e8f2c3a-5f0e-4d3e-9b0a-6a7e2b1c4d5f \\
      --event-log binary_bios_measurements --ima-log binary_runtime_measurements --out demands.yaml`,
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const id = options.join.replace(/^urn:uuid:/, '');
      const { client } = muster.connect(options);
      using _client = client;
      const { join } = await orNotFound(
        client.get(`/v1/joins/${encodeURIComponent(id)}/explanation`, {}, joinExplanationSchema),
        `the audit log knows no join ${id} that was issued or refused`,
        'The id is in what the agent printed, and in the REQUEST column of `muster audit tail`.',
      );
      await work(join, options);
    });
}
