import { Command } from 'commander';

import { type ExportStatus, type ExportStatusPage, exportStatusPageSchema } from '#protocol/audit-export.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import type { Style } from '../../render/style.ts';
import { type Column, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

const COLUMNS: readonly Column<ExportStatus>[] = [
  { heading: 'NAME', cell: ({ name }) => name },
  { heading: 'KIND', cell: ({ kind }) => kind },
  { heading: 'TO', cell: ({ place }) => place },
  { heading: 'DELIVERED', cell: ({ delivered }) => String(delivered) },
  { heading: 'AT', cell: ({ deliveredAt }) => (deliveredAt === undefined ? undefined : renderTime(deliveredAt)) },
  {
    heading: 'WAITING',
    cell: ({ lagRecords }) => String(lagRecords),
    style: ({ lagRecords }, style) => (lagRecords > 0 ? style.strong : plain),
  },
  {
    heading: 'FOR',
    cell: ({ lagRecords, lagSeconds }) => (lagRecords === 0 ? undefined : `${Math.round(lagSeconds)} s`),
  },
  {
    heading: 'STATE',
    cell: ({ state }) => state,
    style: ({ state }, style) => (state === 'failing' ? style.bad : plain),
  },
  { heading: 'WHY', cell: whyOf },
];

/** `muster audit export status`. */
export function auditExportStatusCommand(muster: Muster): Command {
  return new Command('status')
    .description('how far the audit log was delivered to each destination, and what keeps it')
    .addHelpText(
      'after',
      '\nThe state is what the process that answers knows: of several over one database, one delivers, and\n' +
        'the others stand by.\n\nExamples:\n  $ muster audit export status\n  $ muster audit export status -o json',
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const page = await client.get('/v1/audit/exports', {}, exportStatusPageSchema);
      writeAnswer(muster.terminal, options.output, page, render);
    });
}

const render = ({ destinations }: ExportStatusPage, style: Style): string =>
  destinations.length === 0
    ? 'The audit log goes nowhere else: the configuration has no audit.export.\n'
    : renderTable(COLUMNS, destinations, style);

const plain = (text: string): string => text;

function whyOf({ failure, chainBreak }: ExportStatus): string | undefined {
  if (failure !== undefined) return `${failure.detail}, since ${renderTime(failure.since)}`;
  return chainBreak === undefined ? undefined : `record ${chainBreak} does not continue what was delivered before it`;
}
