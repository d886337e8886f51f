import { type Bytes, fromHex, toHex } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import { runToEnd, type Steps } from '#core/steps.ts';
import { IMA_PCR, imaLogInSteps, type ImaRecord } from '#tpm2/ima-log.ts';
import { provenPrefixInSteps } from '#tpm2/ima-log/replay.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import type { Denial } from '../../result.ts';
import { checkBootAggregates } from './boot-aggregate.ts';
import { checkTail, type ImaState, tailOf } from './ima-state.ts';

export interface ImaInput {
  /** As the node sent it: /sys/kernel/security/ima/binary_runtime_measurements, from record `firstRecord` on. The join protocol's is whole. */
  readonly log: Bytes;
  /** The hash of the list's own template hashes; SHA-1 but for a file that is named after another. */
  readonly listHash?: HashName | undefined;
  /** 0, or the number of records that earlier evidence of this boot proved. The node's word, checked here. */
  readonly firstRecord: number;
  /** The policy's one bank. */
  readonly bank: HashName;
  /** From a verified quote, lower-case hex by PCR. */
  readonly quotedPcrs: ReadonlyMap<number, string>;
  /** The quote's. */
  readonly resetCount: number;
  /** What the node's last accepted evidence left, if any. */
  readonly previous: ImaState | undefined;
}

/** An IMA list that `verifyIma` accepted. */
export interface VerifiedIma {
  readonly bank: HashName;
  /** Number, in its boot, of the first of `records`. */
  readonly firstRecord: number;
  /** The proven records, in order. Templates other than those of files are among them. */
  readonly records: readonly ImaRecord[];
  /** How many records since the boot `previous` proved already; 0 where it is of another boot, or there is none. They are unchanged. */
  readonly provenBefore: number;
  /** How many records after them are not proven, and count for nothing until a later quote covers them. */
  readonly unproven: number;
  /** To be kept with the node, and given as `previous` next time. */
  readonly state: ImaState;
}

export type ImaVerification =
  | { readonly ok: true; readonly ima: VerifiedIma }
  | { readonly ok: false; readonly denials: readonly Denial[] };

/**
 * Establishes, in this order, that
 *  1. the list is well-formed to its last byte, and starts at the boot or where evidence of the same boot ended;
 *  2. where it starts at the boot and earlier evidence of it is known, that evidence's records are still its first, unchanged;
 *  3. extending its records gives the quoted PCR 10 after the shortest possible prefix, whose records are thereby proven;
 *  4. records that were not proven last time are now, and are the same;
 *  5. the boot's first record aggregates the quoted PCRs 0 to 9, and so does every later boot_aggregate, of a kernel started by kexec.
 *
 * It does not say that what was measured is good: that is `appraiseIma`.
 */
export const verifyIma = (input: ImaInput): ImaVerification => runToEnd(verifyImaInSteps(input));

/** As `verifyIma`; a list may be long. */
export function* verifyImaInSteps(input: ImaInput): Steps<ImaVerification> {
  try {
    const listed = yield* imaLogInSteps(input.log, input.listHash ?? 'sha1');
    const outcome = yield* verifyList(listed, input);
    return 'code' in outcome ? { ok: false, denials: [outcome] } : { ok: true, ima: outcome };
  } catch (error) {
    if (!(error instanceof Tpm2FormatError)) throw error;
    return { ok: false, denials: [{ code: 'ima-log-malformed', found: error.code, detail: error.message }] };
  }
}

function* verifyList(listed: readonly ImaRecord[], input: ImaInput): Steps<VerifiedIma | Denial> {
  const { bank, firstRecord, quotedPcrs, resetCount } = input;
  const previous = samePrevious(input);
  if (firstRecord !== 0 && firstRecord !== previous?.records) return epochDenial(input);
  const quoted = quotedPcrs.get(IMA_PCR);
  if (quoted === undefined) return { code: 'ima-pcr-mismatch', pcr: IMA_PCR, detail: 'the quote has no PCR 10' };
  const provenBefore = previous?.records ?? 0;
  // What comes before is listed again where the list is whole, and is the node's alone to lose where it is not.
  const before = firstRecord === 0 ? provenBefore : 0;
  if (previous !== undefined && before > 0 && !(yield* startsAs(listed, previous))) return changedDenial(previous);
  const start = previous === undefined ? undefined : fromHex(previous.pcr10);
  const query = { bank, quoted: fromHex(quoted), ...(start && { start }) };
  const added = yield* provenPrefixInSteps(listed.slice(before), query);
  if (added === undefined) {
    return { code: 'ima-pcr-mismatch', pcr: IMA_PCR, expected: quoted, detail: 'no prefix of the list gives it' };
  }
  const count = before + added;
  const records = listed.slice(0, count);
  const total = firstRecord + count;
  if (total === 0) return { code: 'ima-log-empty', pcr: IMA_PCR, detail: 'nothing was measured in this boot' };
  const denial =
    checkTail({ listed, firstRecord, total, bank, previous }) ??
    checkBootAggregates({ records, isFromBoot: firstRecord === 0, bank, quotedPcrs });
  if (denial !== undefined) return denial;
  const tail = listed.slice(count);
  const state = { resetCount, bank, records: total, pcr10: quoted, tail: tailOf(tail, bank) };
  return { bank, firstRecord, records, provenBefore, unproven: tail.length, state };
}

/** True if the records that `previous` counts are the list's first: they give PCR 10's value of then. */
function* startsAs(listed: readonly ImaRecord[], { records, pcr10, bank }: ImaState): Steps<boolean> {
  const query = { bank, quoted: fromHex(pcr10) };
  return (yield* provenPrefixInSteps(listed.slice(0, records), query)) === records;
}

const changedDenial = ({ records, resetCount }: ImaState): Denial => ({
  code: 'ima-epoch',
  expected: `first the ${records} records that were proven before, of reset ${resetCount}`,
  found: 'fewer, or others',
  detail: 'records that earlier evidence of this boot proved are gone or were changed',
});

/** What the last evidence left, if it was of this boot. A TPM Reset starts PCR 10, and the list, anew. */
function samePrevious({ previous, resetCount, bank }: ImaInput): ImaState | undefined {
  return previous?.resetCount === resetCount && previous.bank === bank ? previous : undefined;
}

function epochDenial({ firstRecord, previous, resetCount }: ImaInput): Denial {
  return {
    code: 'ima-epoch',
    expected:
      previous === undefined ? 'record 0' : `record ${previous.records} of reset ${previous.resetCount}, or record 0`,
    found: `record ${firstRecord} of reset ${resetCount}`,
    detail: 'the list does not start where evidence of this boot ended',
  };
}

/** A record's name, for people and for comparison: UTF-8, with replacement characters for what is not. */
export const recordName = ({ fields: { name } }: ImaRecord): string =>
  name === undefined ? '' : Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('utf8');

/** The digest of a record's file as policies write it, with the algorithm; undefined where the template has none. */
export function fileDigest({ fields: { digest } }: ImaRecord): string | undefined {
  if (digest === undefined) return undefined;
  return `${digest.kind === 'verity' ? 'verity:' : ''}${digest.algorithm}:${toHex(digest.digest)}`;
}
