import { Command } from 'commander';

import { type NodeDetail, nodeDetailSchema } from '#protocol/inventory.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { CERTIFICATE_COLUMNS } from '../../render/certificates.ts';
import { writeAnswer } from '../../render/output.ts';
import { renderRecords } from '../../render/records.ts';
import { ADDRESS_COLUMNS, contactOf, DENIAL_COLUMNS, identityOf, proofOf } from '../../render/node.ts';
import type { Style } from '../../render/style.ts';
import { renderFields, renderTable } from '../../render/table.ts';

/** `muster nodes show NAME`. */
export function nodesShowCommand(muster: Muster): Command {
  return new Command('show')
    .description(
      'one node: its record, what was heard of it, what it proved, its certificates and its newest audit records',
    )
    .argument('<name>', 'the node’s name')
    .addHelpText('after', '\nExamples:\n  $ muster nodes show worker-7\n  $ muster nodes show worker-7 -o yaml')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const detail = await orNotFound(
        client.get(`/v1/nodes/${encodeURIComponent(name)}`, {}, nodeDetailSchema),
        `there is no node named ${name}`,
        '`muster nodes list` shows all there are.',
      );
      writeAnswer(muster.terminal, options.output, detail, renderNode);
    });
}

function renderNode({ node, certificates, records }: NodeDetail, style: Style): string {
  const fields = renderFields([...identityOf(node, style), ...contactOf(node, style), ...proofOf(node, style)], style);
  const denials = node.lastJoin?.denials ?? [];
  const parts = [
    fields,
    denials.length === 0 ? '' : renderTable(DENIAL_COLUMNS, denials, style),
    node.addresses.length === 0 ? '' : renderTable(ADDRESS_COLUMNS, node.addresses, style),
    certificates.length === 0 ? '' : renderTable(CERTIFICATE_COLUMNS, certificates, style),
    records.length === 0 ? '' : renderRecords(records, style),
  ];
  return parts.filter((part) => part !== '').join('\n');
}
