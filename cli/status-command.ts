import { Command } from 'commander';

import { EXIT } from '#core/exit-code.ts';

import type { GlobalOptions, Muster } from './muster.ts';
import { writeAnswer } from './render/output.ts';
import { safeText } from './render/safe-text.ts';
import type { Style } from './render/style.ts';

/** What a running service says of itself; `services/commands/status` has the meaning of each member. */
interface Status {
  readonly live: boolean;
  readonly ready?: boolean;
  readonly reasons?: readonly string[];
}

/** Asks the service on this machine, by the options of the command line. */
export type StatusWork = (options: object) => Promise<Status>;

/** `muster status`. */
export function statusCommand(muster: Muster, ask: StatusWork, setExitCode: (code: number) => void): Command {
  return new Command('status')
    .description('ask the service that runs on this machine whether it takes callers, and what is not as it should be')
    .option('--config <file>', 'its configuration; without it $MUSTER_CONFIG')
    .option(
      '--identity <file>',
      'PEM: certificate and key of a role that may read metrics, where the metrics are behind TLS',
    )
    .option('--live', 'only whether it answers at all: what a restart can cure')
    .addHelpText(
      'after',
      `
It asks listeners.metrics where that is on loopback or --identity is given, and otherwise listeners.health, which
gives no reasons. It is meant for health checks too.

Exit code 1 means: it answers, and callers should not be sent to it. 69: it does not answer.

Examples:
  $ muster status --config /etc/muster/muster.yaml
  $ muster status --config /etc/muster/muster.yaml --live
  $ muster status --config /etc/muster/muster.yaml --identity monitor.pem -o json`,
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const status = await ask(options);
      writeAnswer(muster.terminal, options.output, status, renderStatus);
      if (status.ready === false) setExitCode(EXIT.negative);
    });
}

function renderStatus({ ready, reasons = [] }: Status, style: Style): string {
  if (ready === undefined) return `${style.good('live')}\n`;
  const state = ready ? style.good('ready') : style.bad('not ready');
  return `${state}\n${reasons.map((reason) => `${style.bad('!')} ${safeText(reason)}\n`).join('')}`;
}
