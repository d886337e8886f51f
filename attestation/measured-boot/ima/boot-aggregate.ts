import { concatBytes, equalBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import type { ImaRecord } from '#tpm2/ima-log.ts';

import type { Denial } from '../../result.ts';

const NAME = utf8('boot_aggregate');

/** True for the record a kernel starts its list with. No file has this name: files have absolute paths. */
export const isBootAggregate = ({ fields: { name } }: ImaRecord): boolean =>
  name !== undefined && equalBytes(name, NAME);

export interface BootAggregateInput {
  /** Proven. */
  readonly records: readonly ImaRecord[];
  /** True if they start at the boot. */
  readonly isFromBoot: boolean;
  readonly bank: HashName;
  readonly quotedPcrs: ReadonlyMap<number, string>;
}

/**
 * The first record since the boot aggregates PCRs 0 to 9 (in SHA-1, 0 to 7) as they are quoted, which ties the list to this boot; and so does
 * every later one, which a kernel adds that kexec has started. An aggregate in another hash than the bank's cannot be checked and is refused.
 */
export function checkBootAggregates(input: BootAggregateInput): Denial | undefined {
  const { records, isFromBoot, bank, quotedPcrs } = input;
  const [first] = records;
  if (isFromBoot && (first === undefined || !isBootAggregate(first))) {
    return { code: 'ima-boot-aggregate', detail: 'the list does not start with a boot_aggregate' };
  }
  const aggregates = records.filter(isBootAggregate);
  if (aggregates.length === 0) return undefined;
  const expected = aggregate(bank, quotedPcrs);
  if (expected === undefined) return { code: 'ima-boot-aggregate', detail: 'the quote does not cover PCRs 0 to 9' };
  const wrong = aggregates.find((record) => record.isViolation || renderDigest(record) !== `${bank}:${expected}`);
  if (wrong === undefined) return undefined;
  return { code: 'ima-boot-aggregate', expected: `${bank}:${expected}`, found: renderDigest(wrong) };
}

function aggregate(bank: HashName, quotedPcrs: ReadonlyMap<number, string>): string | undefined {
  const values = Array.from({ length: bank === 'sha1' ? 8 : 10 }, (_, pcr) => quotedPcrs.get(pcr));
  const known = values.filter((value) => value !== undefined);
  if (known.length < values.length) return undefined;
  return toHex(digest(bank, concatBytes(...known.map(fromHex))));
}

const renderDigest = ({ fields: { digest: found } }: ImaRecord): string =>
  found === undefined ? 'none' : `${found.algorithm}:${toHex(found.digest)}`;
