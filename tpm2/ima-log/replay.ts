import type { Bytes } from '#core/bytes.ts';
import { digest, DIGEST_SIZE, type HashName } from '#core/digest.ts';
import { runToEnd, type Steps } from '#core/steps.ts';

import { IMA_PCR, type ImaRecord, RECORDS_A_STEP } from '../ima-log.ts';
import { PcrRegister, resetValue } from '../pcr-register.ts';

/** What the kernel (5.8 and later) extends into `bank` for a record: the digest of its data, or ones for a violation. */
export function templateHash(record: ImaRecord, bank: HashName): Bytes {
  if (record.isViolation) return new Uint8Array(DIGEST_SIZE[bank]).fill(0xff);
  return digest(bank, record.templateData);
}

export interface PrefixQuery {
  readonly bank: HashName;
  /** PCR 10 as a verified quote gives it. */
  readonly quoted: Bytes;
  /** PCR 10 before the first record: a value proven earlier in the same boot. After a TPM Reset, all zeros, which is the default. */
  readonly start?: Bytes;
}

/**
 * How many records, from the first on, the quoted PCR 10 proves; undefined if no prefix of the list gives that value, and then the list is
 * not this boot's. 0 proves that nothing was measured since `start`. Records after the prefix may be real, for the kernel logs before it
 * extends, but nothing shows it: they give no trust until a later quote covers them.
 */
export const provenPrefix = (records: readonly ImaRecord[], query: PrefixQuery): number | undefined =>
  runToEnd(provenPrefixInSteps(records, query));

/** As `provenPrefix`; a list may be long. */
export function* provenPrefixInSteps(records: readonly ImaRecord[], query: PrefixQuery): Steps<number | undefined> {
  const { bank, quoted, start = resetValue(IMA_PCR, bank) } = query;
  const register = new PcrRegister(bank, start);
  if (register.equals(quoted)) return 0;
  for (const [index, record] of records.entries()) {
    register.extend(templateHash(record, bank));
    if (register.equals(quoted)) return index + 1;
    if (index % RECORDS_A_STEP === 0) yield;
  }
  return undefined;
}
