#!/usr/bin/env node
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';

import { runAgent } from './run.ts';
import { readAgentEnvironment } from './service/config.ts';
import { onProcessSignals } from './service/signals.ts';
import { systemSleep } from './sleep.ts';

process.exitCode = await runAgent(process.argv.slice(2), {
  now: systemClock,
  elapsedMs: () => performance.now(),
  random: systemRandom,
  sleep: systemSleep,
  print: (text) => void process.stdout.write(text),
  say: (line) => void process.stderr.write(`${line}\n`),
  environment: readAgentEnvironment(),
  signals: onProcessSignals,
});
