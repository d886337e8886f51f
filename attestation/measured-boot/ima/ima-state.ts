import { concatBytes } from '#core/bytes.ts';
import { type HashName, sha256Hex } from '#core/digest.ts';
import { IMA_PCR, type ImaRecord } from '#tpm2/ima-log.ts';
import { templateHash } from '#tpm2/ima-log/replay.ts';

import type { Denial } from '../../result.ts';

/** How far evidence of one boot has proven a node's IMA list. */
export interface ImaState {
  /** The boot: the TPM's resetCount. */
  readonly resetCount: number;
  readonly bank: HashName;
  /** Proven records since the boot. */
  readonly records: number;
  /** PCR 10 after them, lower-case hex. */
  readonly pcr10: string;
  /** Records that were listed after them but not proven. */
  readonly tail: ImaTail;
}

export interface ImaTail {
  readonly records: number;
  /** SHA-256 of what they extend, in order; lower-case hex. */
  readonly digest: string;
}

/** The tail that `unproven` records are. */
export const tailOf = (unproven: readonly ImaRecord[], bank: HashName): ImaTail => ({
  records: unproven.length,
  digest: sha256Hex(concatBytes(...unproven.map((record) => templateHash(record, bank)))),
});

export interface TailCheckInput {
  /** All records of the present evidence, the first of which has number `firstRecord`. */
  readonly listed: readonly ImaRecord[];
  readonly firstRecord: number;
  /** Proven records since the boot. */
  readonly total: number;
  readonly bank: HashName;
  /** Of the same boot. */
  readonly previous: ImaState | undefined;
}

/**
 * What was listed without proof has to be proven by the next evidence of the same boot, unchanged: the kernel lists a record just before it
 * extends, so that a record that is still not extended then, or is another one, was made up.
 */
export function checkTail({ listed, firstRecord, total, bank, previous }: TailCheckInput): Denial | undefined {
  if (previous === undefined) return undefined;
  const { records, tail } = previous;
  const deny = (found: string): Denial => ({
    code: 'ima-tail-not-covered',
    pcr: IMA_PCR,
    expected: `${records + tail.records} records proven, with those that were not last time`,
    found,
  });
  if (total < records + tail.records) return deny(`${total} records proven`);
  const from = records - firstRecord;
  const now = tailOf(listed.slice(from, from + tail.records), bank);
  return now.digest === tail.digest ? undefined : deny('other records in their place');
}
