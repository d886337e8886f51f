import { toHex } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import type { EventLog } from '#tpm2/event-log.ts';
import { initialPcrValue, replayEventLog } from '#tpm2/event-log/replay.ts';

import type { Denial } from '../result.ts';
import { bootPhases, UKI_PCR } from './boot-phases.ts';
import { BOOT_CONFIG_PCR, leftBootServicesUnlogged } from './exit-boot-services.ts';

/** What had to be added to a log's replay to give the quoted values, each the one thing of its kind. */
export interface ReplayNotes {
  readonly leftBootServicesUnlogged: boolean;
  readonly bootPhases: readonly string[];
}

export interface ReplayCheckInput {
  readonly log: EventLog;
  readonly bank: HashName;
  /** PCRs to be proven. */
  readonly pcrs: readonly number[];
  /** Lower-case hex, from a verified quote. */
  readonly quotedPcrs: ReadonlyMap<number, string>;
}

/**
 * Every PCR of `pcrs` is what the log says it is, from its initial value on: PCR 0 from the startup locality, a PCR without events from its
 * reset value. Otherwise a denial for each that is not.
 */
export function checkReplay({ log, bank, pcrs, quotedPcrs }: ReplayCheckInput): ReplayNotes | readonly Denial[] {
  const replayed = replayEventLog(log, bank);
  const denials: Denial[] = [];
  let unlogged = false;
  let phases: readonly string[] = [];
  for (const pcr of pcrs) {
    const value = replayed.get(pcr) ?? initialPcrValue(log, pcr, bank);
    const quoted = quotedPcrs.get(pcr);
    if (value === 'digest-missing') {
      denials.push({ code: 'event-log-bank-missing', pcr, detail: `an event has no ${bank} digest` });
      continue;
    }
    const found = toHex(value);
    if (found === quoted) continue;
    if (pcr === BOOT_CONFIG_PCR && quoted !== undefined && leftBootServicesUnlogged(value, quoted, bank)) {
      unlogged = true;
      continue;
    }
    const reached = pcr === UKI_PCR && quoted !== undefined ? bootPhases(value, quoted, bank) : undefined;
    if (reached === undefined) {
      denials.push({ code: 'event-log-replay-mismatch', pcr, expected: quoted, found, detail: 'replay of the log' });
      continue;
    }
    phases = reached;
  }
  return denials.length > 0 ? denials : { leftBootServicesUnlogged: unlogged, bootPhases: phases };
}
