import type { Clock } from '#core/clock.ts';

import type { AgentConfig } from './config.ts';
import { type Check, ok } from './doctor/check.ts';
import { checkAudience } from './doctor/check-audience.ts';
import { checkFiles } from './doctor/check-files.ts';
import { checkLogs } from './doctor/check-logs.ts';
import { checkMeasurements } from './doctor/check-measurements.ts';
import { checkService } from './doctor/check-service.ts';
import { checkTpm } from './doctor/check-tpm.ts';

/** Everything a join depends on, looked at one by one; the machine is left as it was. A check that fails does not keep the others from running. */
export async function examine(config: AgentConfig, now: Clock): Promise<readonly Check[]> {
  const checks: Check[] = [
    ok('configuration', `in order; this node asks to be ${config.claimedNodeName}`),
    checkAudience(config),
  ];
  checks.push(
    ...(config.measurements === undefined
      ? [...(await checkTpm(config.tpm)), ...(await checkLogs(config.tpm))]
      : [await checkMeasurements(config.measurements)]),
  );
  for (const url of config.services) checks.push(...(await checkService(url, config, now)));
  checks.push(...(await checkFiles(config, now())));
  return checks;
}

/** The checklist for a person: one line for each check, and one below it where there is something to do. */
export function renderChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks
    .map(({ name, status, finding, advice }) => {
      const line = `${status.padEnd(4)}  ${name.padEnd(width)}  ${finding}.`;
      return advice === '' ? `${line}\n` : `${line}\n${' '.repeat(width + 8)}-> ${advice}.\n`;
    })
    .join('');
}
