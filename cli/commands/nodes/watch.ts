import { setTimeout as sleep } from 'node:timers/promises';

import { Command } from 'commander';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { auditRecordSchema } from '#protocol/audit.ts';

import { type AdminClient, withQuery } from '../../client.ts';
import { EventParser } from '../../event-stream.ts';
import type { GlobalOptions, Muster } from '../../muster.ts';
import { wholeNumber } from '../../option-values.ts';
import { renderRecordLine } from '../../render/records.ts';
import { makeStyle } from '../../render/style.ts';

interface Options extends GlobalOptions {
  readonly after?: number;
}

/** Between a connection that broke and the next one. */
const RECONNECT_MS = 2_000;

/** `muster nodes watch [NAME]`. */
export function nodesWatchCommand(muster: Muster): Command {
  return new Command('watch')
    .description(
      'shows what happens to nodes as it happens, until stopped (Ctrl-C); comes back by itself, and misses nothing',
    )
    .argument('[name]', 'only this node')
    .option('--after <number>', 'begin after this record of the audit log', wholeNumber(0, 999_999_999_999_999))
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster nodes watch\n  $ muster nodes watch worker-7\n  $ muster nodes watch -o json',
    )
    .action(async (name: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      await watch(muster, client, options, name);
    });
}

/** Follows the events, connection after connection, until the person stops it or the service refuses. One JSON value a line with `-o json`. */
async function watch(
  { terminal }: Muster,
  client: AdminClient,
  options: Options,
  node: string | undefined,
): Promise<void> {
  const style = makeStyle(terminal.colour && terminal.outIsTerminal);
  const stop = terminal.stopSignal();
  const show = (data: string): void => {
    const record = auditRecordSchema.parse(JSON.parse(data));
    terminal.out(options.output === 'table' ? renderRecordLine(record, style) : `${JSON.stringify(record)}\n`);
  };
  let lastId = options.after === undefined ? undefined : String(options.after);
  while (!stop.aborted) {
    const parser = new EventParser();
    const path = withQuery('/v1/events', { node });
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
    const onText = (text: string): void => {
      for (const { data } of parser.push(text)) show(data);
      lastId = parser.lastId ?? lastId;
    };
    try {
      await client.stream({ path, headers, signal: stop, onText });
      if (!stop.aborted) terminal.err('The service ended the stream; connecting again …\n');
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unavailable) throw error;
      terminal.err(`${error.message}; connecting again …\n`);
    }
    await sleep(RECONNECT_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}
