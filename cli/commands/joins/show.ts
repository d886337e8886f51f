import { Command } from 'commander';

import { type JoinDetail, joinDetailSchema } from '#protocol/inventory.ts';
import { PROBLEMS } from '#protocol/problem.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { writeAnswer } from '../../render/output.ts';
import { renderRecords } from '../../render/records.ts';
import { safeText } from '../../render/safe-text.ts';
import { styleOutcome } from '../../render/states.ts';
import type { Style } from '../../render/style.ts';
import { renderFields } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

/** `muster joins show REQUEST`. */
export function joinsShowCommand(muster: Muster): Command {
  return new Command('show')
    .description(
      'one join by its request id: why it was refused (every failed check, what it expected and what it found), or what was issued',
    )
    .argument('<request>', 'the request id, with or without urn:uuid: in front; the agent prints it')
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster joins show 0e8f2c3a-5f0e-4d3e-9b0a-6a7e2b1c4d5f\n  $ muster joins show urn:uuid:0e8f2c3a-5f0e-4d3e-9b0a-6a7e2b1c4d5f -o json',
    )
    .action(async (request: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const id = request.replace(/^urn:uuid:/, '');
      const { client } = muster.connect(options);
      using _client = client;
      const detail = await orNotFound(
        client.get(`/v1/joins/${encodeURIComponent(id)}`, {}, joinDetailSchema),
        `the audit log knows no join ${id}`,
        'The id is in what the agent printed, and in the REQUEST column of `muster audit tail`.',
      );
      writeAnswer(muster.terminal, options.output, detail, renderJoin);
    });
}

function renderJoin(join: JoinDetail, style: Style): string {
  const at = join.records.at(-1)?.at;
  const fields = renderFields(
    [
      ['Outcome', join.outcome, styleOutcome(join.outcome, style)],
      ['Join', join.requestId],
      ['At', at === undefined ? undefined : renderTime(at)],
      ['Node', describeNode(join)],
      ['From', join.address],
      ['Told the node', join.problem === undefined ? undefined : describeProblem(join.problem)],
      ['Because', join.reason],
      ['Certificate', join.certificate?.serial],
      ['Valid until', join.certificate === undefined ? undefined : renderTime(join.certificate.notAfter)],
    ],
    style,
  );
  return [
    fields,
    renderDenials(join, style),
    renderMeasurements(join, style),
    renderAdvisories(join, style),
    `\n${renderRecords(join.records, style)}`,
  ].join('');
}

function renderDenials({ denials }: JoinDetail, style: Style): string {
  if (denials.length === 0) return '';
  const blocks = denials.map((denial) => {
    const about = denial.pcr === undefined ? '' : `  PCR ${denial.pcr}`;
    const fields = renderFields(
      [
        ['expected', denial.expected],
        ['found', denial.found],
      ],
      style,
    );
    const detail = denial.detail === undefined ? '' : `${safeText(denial.detail)}\n`;
    return `  ${style.bad(safeText(denial.code))}${about}\n${indent(`${detail}${fields}`)}`;
  });
  return `\n${style.strong('Failed checks')}\n${blocks.join('')}`;
}

function renderMeasurements({ measurements }: JoinDetail, style: Style): string {
  if (measurements === undefined) return '';
  const fields = Object.entries(measurements).map(([name, value]): [string, string] => [name, safeText(value)]);
  return `\n${style.strong('What the node signed')}\n${renderFields(fields, style)}`;
}

function renderAdvisories({ advisories }: JoinDetail, style: Style): string {
  if (advisories.length === 0) return '';
  const lines = advisories.map(
    (advisory) => `  ${style.warn(safeText(advisory.code))}  ${safeText(advisory.detail)}\n`,
  );
  return `\n${style.strong('Worth a look')}\n${lines.join('')}`;
}

/** The name, and whose word it is: records about an enrolled node carry its name, others only what the caller said. */
function describeNode({ nodeName, records }: JoinDetail): string | undefined {
  if (nodeName === undefined) return undefined;
  return records.some((record) => record.nodeName === nodeName)
    ? nodeName
    : `${nodeName} (says the caller; no such node was proven)`;
}

function describeProblem(name: string): string {
  const known = Object.entries(PROBLEMS).find(([problem]) => problem === name);
  return known === undefined ? name : `${name}: ${known[1].title}`;
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, '    ');
