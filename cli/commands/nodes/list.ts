import { Command } from 'commander';

import { type NodeList, type NodeSummary, nodeListSchema } from '#protocol/inventory.ts';

import type { AdminClient } from '../../client.ts';
import type { GlobalOptions, Muster } from '../../muster.ts';
import { type Report, withProgress } from '../../progress.ts';
import { writeAnswer } from '../../render/output.ts';
import { styleConnectivity, styleNodeState } from '../../render/states.ts';
import type { Style } from '../../render/style.ts';
import { type Column, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';
import { type FilterOptions, filterQuery, withFilter } from './filter.ts';

type Options = GlobalOptions & FilterOptions;

const PAGE = 1_000;

const COLUMNS: readonly Column<NodeSummary>[] = [
  { heading: 'NAME', cell: (node) => node.name },
  { heading: 'POOL', cell: (node) => node.pool },
  { heading: 'RATING', cell: (node) => node.protectionRating },
  { heading: 'STATE', cell: (node) => node.state, style: (node, style) => styleNodeState(node.state, style) },
  {
    heading: 'CONNECTIVITY',
    cell: (node) => node.connectivity,
    style: (node, style) => styleConnectivity(node.connectivity, style),
  },
  {
    heading: 'HEARD',
    cell: (node) => (node.lastHeartbeatAt === undefined ? undefined : renderTime(node.lastHeartbeatAt)),
  },
  {
    heading: 'LAST JOIN',
    cell: (node) => (node.lastJoinAt === undefined ? undefined : renderTime(node.lastJoinAt)),
  },
  { heading: 'FROM', cell: (node) => node.lastAddress },
  { heading: 'EK', cell: (node) => `${node.ekFingerprint.slice(0, 16)}…` },
];

/** `muster nodes list`. */
export function nodesListCommand(muster: Muster): Command {
  return withFilter(new Command('list').description('every enrolled node, in order of name'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster nodes list\n  $ muster nodes list --pool general --connectivity lost\n  $ muster nodes list -o json',
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const list = await withProgress(muster.terminal, 'Reading the inventory', (report) =>
        readAllNodes(client, options, report),
      );
      writeAnswer(muster.terminal, options.output, list, renderNodes);
    });
}

/** Every page of the list, in one. */
async function readAllNodes(client: AdminClient, options: Options, report: Report): Promise<NodeList> {
  const nodes: NodeSummary[] = [];
  let after: string | undefined;
  do {
    const page = await client.get('/v1/nodes', { ...filterQuery(options), after, limit: PAGE }, nodeListSchema);
    nodes.push(...page.nodes);
    report(`${nodes.length} nodes`);
    after = page.next;
  } while (after !== undefined);
  return { nodes };
}

function renderNodes({ nodes }: NodeList, style: Style): string {
  return nodes.length === 0 ? 'No such nodes. `muster enrol` adds one.\n' : renderTable(COLUMNS, nodes, style);
}
