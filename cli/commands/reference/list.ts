import { Command } from 'commander';

import { type ReferenceList, referenceListSchema } from '#protocol/reference.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import type { Style } from '../../render/style.ts';
import { type Column, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

type Line = ReferenceList['referenceValues'][number] & { readonly isExpiring: boolean };

/** Time enough to sign the next ones. */
const SOON_MS = 14 * 86_400_000;

const COLUMNS: readonly Column<Line>[] = [
  { heading: 'NAME', cell: (line) => line.name },
  { heading: 'POOLS', cell: (line) => line.pools.join(',') },
  {
    heading: 'STANDING',
    cell: (line) => (line.isExpiring ? 'valid, expires soon' : line.standing),
    style: (line, style) => paint(line, style),
  },
  { heading: 'FROM', cell: (line) => (line.notBefore === undefined ? undefined : renderTime(line.notBefore)) },
  { heading: 'UNTIL', cell: (line) => (line.expires === undefined ? undefined : renderTime(line.expires)) },
  { heading: 'ADMITTED', cell: (line) => String(line.admitted) },
  {
    heading: 'LAST',
    cell: (line) => (line.lastAdmittedAt === undefined ? undefined : renderTime(line.lastAdmittedAt)),
  },
];

/** `muster reference list`. */
export function referenceListCommand(muster: Muster): Command {
  return new Command('list')
    .description(
      'the reference values in the running service: which are valid, which expire soon, what each admitted lately',
    )
    .addHelpText('after', '\nExamples:\n  $ muster reference list\n  $ muster reference list -o json')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const list = await client.get('/v1/reference-values', {}, referenceListSchema);
      const now = muster.terminal.now();
      writeAnswer(muster.terminal, options.output, list, (value, style) => renderList(value, now, style));
    });
}

function renderList({ referenceValues, countedJoins, countedSince }: ReferenceList, now: Date, style: Style): string {
  if (referenceValues.length === 0) return 'The policy names no reference values: nobody is admitted.\n';
  const lines = referenceValues.map((line) => ({ ...line, isExpiring: isExpiring(line, now) }));
  const since = countedSince === undefined ? '' : `, the oldest of ${renderTime(countedSince)}`;
  return `${renderTable(COLUMNS, lines, style)}ADMITTED counts the last ${countedJoins} joins${since}.\n`;
}

const isExpiring = ({ standing, expires }: ReferenceList['referenceValues'][number], now: Date): boolean =>
  standing === 'valid' && expires !== undefined && Date.parse(expires) - now.getTime() < SOON_MS;

function paint({ standing, isExpiring: soon }: Line, style: Style): (text: string) => string {
  if (soon || standing === 'not-yet-valid') return style.warn;
  return standing === 'valid' ? style.good : style.bad;
}
