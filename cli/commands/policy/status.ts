import { Command } from 'commander';

import { EXIT } from '#core/exit-code.ts';
import { type PolicySummary, policySummarySchema } from '#protocol/inventory.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import { safeText } from '../../render/safe-text.ts';
import type { Style } from '../../render/style.ts';
import { renderFields, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

/** `muster policy status`. */
export function policyStatusCommand(muster: Muster, setExitCode: (code: number) => void): Command {
  return new Command('status')
    .description('the policy that the running service decides by, and why newer files were refused')
    .addHelpText(
      'after',
      `
The service reads its policy again on SIGHUP. Files with a fault are refused whole, and the policy before stays.

Exit code 1 means: the newest files were refused.

Examples:
  $ muster policy status`,
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const summary = await client.get('/v1/policy', {}, policySummarySchema);
      writeAnswer(muster.terminal, options.output, summary, renderStatus);
      if (summary.lastError !== undefined) setExitCode(EXIT.negative);
    });
}

function renderStatus({ version, loadedAt, lastError, pools }: PolicySummary, style: Style): string {
  const fields = renderFields(
    [
      ['Version', version],
      ['In force since', renderTime(loadedAt)],
    ],
    style,
  );
  const table = renderTable(
    [
      { heading: 'POOL', cell: (pool) => pool.name },
      { heading: 'RATING', cell: (pool) => pool.protectionRating },
      { heading: 'PCRS', cell: (pool) => `${pool.bank}:${pool.pcrs.join(',')}` },
      { heading: 'REFERENCE VALUES', cell: (pool) => pool.referenceValues.join(', ') },
    ],
    pools,
    style,
  );
  const refused =
    lastError === undefined
      ? ''
      : `\n${style.bad(`Newer files were refused on ${renderTime(lastError.at)}; this policy stays in force:`)}\n${lastError.problems.map((problem) => `  ${safeText(problem)}\n`).join('')}`;
  return `${fields}\n${table}${refused}`;
}
