import { Command } from 'commander';

import { type RetireRequestBody, type RetireResponse, retireResponseSchema } from '#protocol/reference.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { writeAnswer } from '../../render/output.ts';
import type { Style } from '../../render/style.ts';
import { renderTime } from '../../render/time.ts';

/** `muster reference retire NAME`. */
export function referenceRetireCommand(muster: Muster): Command {
  return new Command('retire')
    .description('take reference values back: from now on they admit nobody, for good')
    .argument('<name>', 'as `muster reference list` shows it: name@version, or the name alone')
    .addHelpText(
      'after',
      `
It works at once and through every restart, whatever the policy's files say. There is no way back: sign the next
version instead. Certificates that were issued on its strength stay valid until they expire.

Examples:
  $ muster reference retire general@3`,
    )
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const body: RetireRequestBody = { name };
      const done = await orNotFound(
        client.post('/v1/reference-values/retire', body, retireResponseSchema),
        `the policy in force names no reference values ${name}`,
        '`muster reference list` shows them.',
      );
      writeAnswer(muster.terminal, options.output, done, renderRetired);
    });
}

function renderRetired({ name, retiredAt, poolsWithoutAny }: RetireResponse, style: Style): string {
  const warnings = poolsWithoutAny.map(
    (pool) => `${style.warn(`Pool ${pool} has no valid reference values: nobody joins it.`)}\n`,
  );
  return `${name} is retired since ${renderTime(retiredAt)}.\n${warnings.join('')}`;
}
