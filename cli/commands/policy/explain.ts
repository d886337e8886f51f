import { Command } from 'commander';

import { type Fact, type JoinExplanation, joinExplanationSchema } from '#protocol/joins.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { writeAnswer } from '../../render/output.ts';
import { safeText } from '../../render/safe-text.ts';
import type { Style } from '../../render/style.ts';
import { type Column, renderFields, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

interface Options extends GlobalOptions {
  readonly join: string;
}

const COLUMNS: readonly Column<Fact>[] = [
  { heading: 'FACT', cell: ({ fact }) => fact },
  { heading: 'OK', cell: ({ ok }) => (ok ? 'yes' : 'NO'), style: ({ ok }, style) => (ok ? style.good : style.bad) },
  { heading: 'FOUND', cell: ({ found }) => found },
  { heading: 'WANTED', cell: ({ ok, wanted }) => (ok ? 'as found' : wanted) },
  { heading: 'WHY', cell: ({ detail }) => detail },
];

/** `muster policy explain --join REQUEST`. */
export function policyExplainCommand(muster: Muster): Command {
  return new Command('explain')
    .description('one join fact by fact: what was wanted and what was found, then and under the policy in force')
    .requiredOption('--join <request>', 'the request id, with or without urn:uuid: in front')
    .addHelpText('after', '\nExamples:\n  $ muster policy explain --join 0e8f2c3a-5f0e-4d3e-9b0a-6a7e2b1c4d5f')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const id = options.join.replace(/^urn:uuid:/, '');
      const { client } = muster.connect(options);
      using _client = client;
      const explanation = await orNotFound(
        client.get(`/v1/joins/${encodeURIComponent(id)}/explanation`, {}, joinExplanationSchema),
        `the audit log knows no join ${id} that was issued or refused`,
        'A challenge that was refused has no evidence to explain: see `muster joins show`.',
      );
      writeAnswer(muster.terminal, options.output, explanation, renderExplanation);
    });
}

function renderExplanation({ join, atTheTime, today }: JoinExplanation, style: Style): string {
  const fields = renderFields(
    [
      ['Join', join.requestId],
      ['At', renderTime(join.at)],
      ['Node', join.nodeName],
      ['Outcome', join.outcome],
    ],
    style,
  );
  const before = `${style.strong('Then')}, under policy ${safeText(atTheTime.policyVersion ?? 'not recorded')}\n`;
  const now = `${style.strong('Today')}, under policy ${today.policyVersion}: ${today.verdict}\n`;
  return `${fields}\n${before}${renderFacts(atTheTime.facts, style)}\n${now}${renderFacts(today.facts, style)}`;
}

const renderFacts = (facts: readonly Fact[], style: Style): string =>
  facts.length === 0
    ? 'No evidence of this join was verified: `muster joins show` says why.\n'
    : renderTable(COLUMNS, facts, style);
