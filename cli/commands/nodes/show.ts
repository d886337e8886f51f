import { Command } from 'commander';

import { type NodeDetail, nodeDetailSchema } from '#protocol/inventory.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { CERTIFICATE_COLUMNS } from '../../render/certificates.ts';
import { writeAnswer } from '../../render/output.ts';
import { renderRecords } from '../../render/records.ts';
import { styleNodeState } from '../../render/states.ts';
import type { Style } from '../../render/style.ts';
import { renderFields, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

/** `muster nodes show NAME`. */
export function nodesShowCommand(muster: Muster): Command {
  return new Command('show')
    .description('one node: its record, its certificates and what the audit log last said of it')
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
  const epoch = node.bootEpoch;
  const fields = renderFields(
    [
      ['Name', node.name],
      ['Id', node.id],
      ['Pool', node.pool],
      ['Rating', node.protectionRating ?? 'none: the policy has no such pool'],
      ['State', node.state, styleNodeState(node.state, style)],
      ['EK', `${node.ekFingerprint}${node.hasEkCertificate ? '' : ' (enrolled by hash, without a certificate)'}`],
      ['Enrolled', `${renderTime(node.enrolledAt)} by ${node.enrolledBy}`],
      [
        'Last join',
        node.lastJoinAt === undefined ? 'never' : `${renderTime(node.lastJoinAt)} from ${node.lastAddress ?? '?'}`,
      ],
      ['AK', node.akName],
      ['TPM counters', epoch && `${epoch.resetCount} resets, ${epoch.restartCount} restarts`],
    ],
    style,
  );
  const issued = certificates.length === 0 ? '' : `\n${renderTable(CERTIFICATE_COLUMNS, certificates, style)}`;
  return `${fields}${issued}${records.length === 0 ? '' : `\n${renderRecords(records, style)}`}`;
}
