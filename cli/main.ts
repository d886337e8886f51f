#!/usr/bin/env node
import { systemClock } from '#core/clock.ts';

import manifest from '../package.json' with { type: 'json' };
import { askAtTerminal } from './ask.ts';
import { processEnvironment, wantsColour } from './config.ts';
import { fido2Tools } from './fido2-tools.ts';
import { runMuster } from './run.ts';

/** A signal that SIGINT and SIGTERM abort; a second one ends the process as usual. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      controller.abort(signal);
    });
  }
  return controller.signal;
}

// The reader of a pipe may have seen enough: `muster nodes list | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runMuster(
  process.argv.slice(2),
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    ask: process.stdin.isTTY === true ? askAtTerminal : undefined,
    securityKey: process.stdin.isTTY === true ? fido2Tools() : undefined,
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    colour: wantsColour(),
    workingDirectory: process.cwd(),
    stopSignal,
    now: systemClock,
  },
  processEnvironment,
  manifest.version,
);
