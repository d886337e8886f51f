import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import type { EventLog } from '../event-log.ts';
import { PcrRegister, resetValue } from '../pcr-register.ts';
import { EVENT_TYPE } from './event-type.ts';

/** What a PCR is if the log is true; 'digest-missing' if one of its events has no digest for the bank, so that nobody can tell. */
export type ReplayedPcr = Bytes | 'digest-missing';

/**
 * The value of every PCR that the log extends, in `bank`. A PCR that no event extends is not in the result: it is not verified, and a
 * verifier that wants it compares it with `initialPcrValue`. Nothing is established until the values equal quoted ones.
 */
export function replayEventLog(log: EventLog, bank: HashName): ReadonlyMap<number, ReplayedPcr> {
  const registers = new Map<number, PcrRegister>();
  const missing = new Set<number>();
  for (const { pcr, digests, unverifiedType } of log.events) {
    // The firmware logs EV_NO_ACTION without extending anything, whatever digests the event carries.
    if (unverifiedType === EVENT_TYPE.noAction) continue;
    const extension = digests[bank];
    if (extension === undefined) {
      missing.add(pcr);
      continue;
    }
    let register = registers.get(pcr);
    if (register === undefined) {
      register = new PcrRegister(bank, initialPcrValue(log, pcr, bank));
      registers.set(pcr, register);
    }
    register.extend(extension);
  }
  const values = new Map<number, ReplayedPcr>();
  for (const [pcr, register] of registers) values.set(pcr, register.value());
  for (const pcr of missing) values.set(pcr, 'digest-missing');
  return values;
}

/** Value of a PCR before the log's first event: its reset value, and for PCR 0 the startup locality that the log states. */
export function initialPcrValue(log: EventLog, pcr: number, bank: HashName): Bytes {
  const value = resetValue(pcr, bank);
  if (pcr === 0) value[value.byteLength - 1] = log.startupLocality ?? 0;
  return value;
}
