import { setTimeout as sleep } from 'node:timers/promises';

import { Command } from 'commander';

import { type AuditRecordDocument, auditHeadSchema, auditPageSchema } from '#protocol/audit.ts';

import type { AdminClient } from '../../client.ts';
import type { GlobalOptions, Muster } from '../../muster.ts';
import { wholeNumber } from '../../option-values.ts';
import { writeAnswer } from '../../render/output.ts';
import { renderRecordLine, renderRecords } from '../../render/records.ts';
import { makeStyle } from '../../render/style.ts';

interface Options extends GlobalOptions {
  readonly lines: number;
  readonly follow?: boolean;
}

const POLL_MS = 1_000;
const PAGE = 1_000;

/** `muster audit tail`. */
export function auditTailCommand(muster: Muster): Command {
  return new Command('tail')
    .description('the newest records of the audit log, oldest first')
    .option('-n, --lines <count>', 'how many records, 1000 at most', wholeNumber(1, 1_000), 20)
    .option('-f, --follow', 'stay, and show each new record as it is written, until stopped (Ctrl-C)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster audit tail\n  $ muster audit tail -n 100 -o json\n  $ muster audit tail --follow',
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const head = await client.get('/v1/audit/head', {}, auditHeadSchema);
      const after = Math.max(0, head.sequence - options.lines);
      const { records } = await readPage(client, after, options.lines);
      if (options.follow === true) await follow(muster, client, options, records);
      else
        writeAnswer(muster.terminal, options.output, { records }, (page, style) => renderRecords(page.records, style));
    });
}

/** Writes `first` and then each record that follows, until the person stops it. One JSON value or YAML document a record. */
async function follow(
  { terminal }: Muster,
  client: AdminClient,
  options: Options,
  first: readonly AuditRecordDocument[],
): Promise<void> {
  const style = makeStyle(terminal.colour && terminal.outIsTerminal);
  const stop = terminal.stopSignal();
  let records = first;
  let after = 0;
  for (;;) {
    for (const record of records) {
      terminal.out(options.output === 'table' ? renderRecordLine(record, style) : `${JSON.stringify(record)}\n`);
      after = record.sequence;
    }
    if (records.length === 0) await pause(stop);
    if (stop.aborted) return;
    ({ records } = await readPage(client, after, PAGE));
  }
}

const readPage = (client: AdminClient, after: number, limit: number) =>
  client.get('/v1/audit', { after, limit }, auditPageSchema);

async function pause(stop: AbortSignal): Promise<void> {
  try {
    await sleep(POLL_MS, undefined, { signal: stop });
  } catch {
    // Stopped while waiting: the caller looks at the signal.
  }
}
