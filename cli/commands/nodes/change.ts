import { Command } from 'commander';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import {
  type NodeChangeRequestBody,
  type NodeChangeResponse,
  nodeChangeResponseSchema,
  type NodeChangeVerb,
  NODE_CHANGE_MAX,
  NODE_REVOCATION_REASONS,
  type NodeSelector,
} from '#protocol/revocation.ts';

import type { AdminClient } from '../../client.ts';
import type { GlobalOptions, Muster } from '../../muster.ts';
import { parseNodeSelector } from '../../node-selector.ts';
import { wholeNumber } from '../../option-values.ts';
import { safeText } from '../../render/safe-text.ts';
import { writeAnswer } from '../../render/output.ts';
import { styleNodeState } from '../../render/states.ts';
import { makeStyle, type Style } from '../../render/style.ts';
import { type Column, renderTable } from '../../render/table.ts';
import { ServiceRefusal } from '../../service-failure.ts';
import type { Terminal } from '../../terminal.ts';

interface Options extends GlobalOptions {
  readonly selector?: NodeSelector;
  readonly expect?: number;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly text?: string;
}

interface Verb {
  readonly change: NodeChangeVerb;
  readonly description: string;
  readonly effect: string;
  readonly done: string;
  /** Whether certificates are revoked, so that a reason can be given. */
  readonly revokes: boolean;
}

const VERBS: readonly Verb[] = [
  {
    change: 'bar',
    description: 'shut nodes out: certificates revoked for good, no renewal, until they are unbarred',
    effect:
      'Every certificate that has not expired is revoked for good (privilegeWithdrawn unless --reason says otherwise).\nThe revocation list has it within a second, and so has the API server where `muster authorizer` runs.\nA watch that is open goes on: see docs/operations/revocation.md.',
    done: 'barred',
    revokes: true,
  },
  {
    change: 'unbar',
    description: 'let barred nodes attest again; what was revoked stays revoked',
    effect: 'Needs --text: why the bar ends. A node that was quarantined before it was barred is quarantined again.',
    done: 'unbarred',
    revokes: false,
  },
  {
    change: 'quarantine',
    description: 'shut nodes out for a while: certificates on hold, no renewal, until they are released',
    effect: 'Certificates are put on hold; a release gives them back.',
    done: 'quarantined',
    revokes: false,
  },
  {
    change: 'release',
    description: 'end a quarantine: nodes are what they were, and their certificates are good again',
    effect: 'What was revoked for good meanwhile stays revoked.',
    done: 'released',
    revokes: false,
  },
  {
    change: 'retire',
    description: 'end nodes’ lives: certificates revoked, names and EKs free for an enrolment; there is no way back',
    effect:
      'Every certificate that has not expired is revoked for good (cessationOfOperation unless --reason says otherwise).',
    done: 'retired',
    revokes: true,
  },
];

/** `muster nodes bar|unbar|quarantine|release|retire`. */
export const nodeChangeCommands = (muster: Muster): readonly Command[] =>
  VERBS.map((verb) => verbCommand(muster, verb));

function verbCommand(muster: Muster, verb: Verb): Command {
  const { change, description, effect, revokes } = verb;
  const command = new Command(change)
    .description(description)
    .argument('[names...]', 'the nodes’ names')
    .option('--selector <terms>', 'nodes by pool=…,state=…,name=… (a name with * and ?)', parseNodeSelector)
    .option('--expect <n>', 'how many a selector must match, in place of the question', wholeNumber(1, NODE_CHANGE_MAX))
    .option('--dry-run', 'show what it would be about, and change nothing')
    .option('--text <words>', 'why, for the audit log');
  if (revokes) command.option('--reason <reason>', `RFC 5280: ${NODE_REVOCATION_REASONS.join(', ')}`);
  return command
    .addHelpText(
      'after',
      `
${effect}
All of the nodes or none: one that is in another state stops it.

Examples:
  $ muster nodes ${change} worker-7${change === 'bar' ? ' --reason keyCompromise' : ''}${change === 'unbar' ? ' --text "board replaced"' : ''}
  $ muster nodes ${change} --selector 'pool=edge,name=rack-4-*' --dry-run`,
    )
    .action(async (names: readonly string[], _: unknown, asked: Command) => {
      await run(muster, verb, names, asked.optsWithGlobals<Options>());
    });
}

async function run(muster: Muster, verb: Verb, names: readonly string[], options: Options): Promise<void> {
  const { change } = verb;
  const { selector, expect, dryRun, reason, text, output } = options;
  if ((names.length === 0) === (selector === undefined)) {
    throw new CommandFailure(EXIT.usage, 'names or --selector are needed, and not both');
  }
  if (change === 'unbar' && text === undefined) {
    throw new CommandFailure(EXIT.usage, '--text is needed: why the bar ends');
  }
  const { client } = muster.connect(options);
  using _client = client;
  const body: NodeChangeRequestBody = {
    change,
    ...(selector === undefined ? { nodes: [...names] } : { selector }),
    ...(reason === undefined ? {} : { reason }),
    ...(text === undefined ? {} : { text }),
    ...(expect === undefined ? {} : { expect }),
  };
  const post = (more: Partial<NodeChangeRequestBody>): Promise<NodeChangeResponse> =>
    withFaults(client, { ...body, ...more });
  const counted =
    selector === undefined || expect !== undefined || dryRun === true
      ? expect
      : await askForCount(muster.terminal, verb, await post({ dryRun: true }));
  const done = await post({ dryRun: dryRun === true, ...(counted === undefined ? {} : { expect: counted }) });
  writeAnswer(muster.terminal, output, done, (answer, style) => renderChange(answer, verb, style));
}

/** Shows whom a selector hits and has the person type how many they are. Throws CommandFailure when it is not what they typed. */
async function askForCount(terminal: Terminal, { change }: Verb, would: NodeChangeResponse): Promise<number> {
  const count = would.nodes.length;
  const question = `Type ${count} to ${change} ${count === 1 ? 'it' : 'them'}: `;
  terminal.err(renderTable(COLUMNS, would.nodes, makeStyle(terminal.colour && terminal.errIsTerminal)));
  if (terminal.ask === undefined) {
    throw new CommandFailure(
      EXIT.usage,
      `it is about ${count} nodes, and nobody is there to be asked`,
      `Give --expect ${count} where that is right.`,
    );
  }
  const answer = (await terminal.ask(question)).trim();
  if (answer !== String(count)) {
    throw new CommandFailure(EXIT.negative, 'that is not the number: nothing was changed');
  }
  return count;
}

/** The answer, or a failure that names the first nodes that stand in the way. */
async function withFaults(client: AdminClient, body: NodeChangeRequestBody): Promise<NodeChangeResponse> {
  try {
    return await client.post('/v1/node-changes', body, nodeChangeResponseSchema);
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || error.errors.length < 2) throw error;
    const faults = error.errors.map(({ detail }) => `  ${safeText(detail)}`).join('\n');
    throw new CommandFailure(error.exitCode, `${error.message}, so nothing was changed:\n${faults}`, ...error.next);
  }
}

type ChangedNode = NodeChangeResponse['nodes'][number];

const COLUMNS: readonly Column<ChangedNode>[] = [
  { heading: 'NAME', cell: (node) => node.name },
  { heading: 'POOL', cell: (node) => node.pool },
  { heading: 'STATE', cell: (node) => node.from, style: (node, style) => styleNodeState(node.from, style) },
];

const CHANGED: readonly Column<ChangedNode>[] = [
  ...COLUMNS,
  { heading: 'NOW', cell: (node) => node.to, style: (node, style) => styleNodeState(node.to ?? node.from, style) },
  { heading: 'CERTIFICATES', cell: (node) => String(node.certificates?.length ?? 0) },
];

function renderChange({ dryRun, change, nodes }: NodeChangeResponse, { done }: Verb, style: Style): string {
  const many = nodes.length === 1 ? '1 node' : `${nodes.length} nodes`;
  const summary = dryRun ? style.warn(`${change} would be about ${many}; nothing was changed.`) : `${many} ${done}.`;
  return `${renderTable(dryRun ? COLUMNS : CHANGED, nodes, style)}${summary}\n`;
}
