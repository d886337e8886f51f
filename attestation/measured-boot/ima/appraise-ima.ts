import { sha256Hex } from '#core/digest.ts';
import { runToEnd, type Steps } from '#core/steps.ts';
import { type ImaRecord, RECORDS_A_STEP } from '#tpm2/ima-log.ts';

import type { BootAppraisal } from '../appraise-boot.ts';
import { factResult, type FactResult, listed } from '../fact-result.ts';
import type { Denial, DenialCode } from '../../result.ts';
import { isBootAggregate } from './boot-aggregate.ts';
import type { CompiledImaPolicy } from './compile-ima-policy.ts';
import { signatureChecker } from './file-signature.ts';
import { fileDigest, recordName, type VerifiedIma } from './verify-ima.ts';

export interface ImaAppraisalInput {
  /** What `verifyIma` established. */
  readonly ima: VerifiedIma;
  readonly policy: CompiledImaPolicy;
  /** The kernel's command lines as `provenCommandLines` gives them: proven by PCRs 8 and 12 of the same quote. */
  readonly commandLines: readonly string[] | undefined;
  /** True if this very policy accepted the evidence that `ima` goes on from: what was judged then is not judged again. */
  readonly acceptedBefore: boolean;
}

/**
 * Every demand of the policy beside what the proven records show. No denials only if it is known what the kernel measures, and every record
 * is accepted: a file by digest, by path and digest, by its signature, or as excluded; a key added to a keyring, and any other buffer, by its
 * digest; a violation by no more than its being excluded, where the policy says so. Records that the same policy accepted before, in the same
 * boot, count as accepted.
 */
export const appraiseIma = (input: ImaAppraisalInput): BootAppraisal => runToEnd(appraiseImaInSteps(input));

/** As `appraiseIma`; a list may be long. */
export function* appraiseImaInSteps(input: ImaAppraisalInput): Steps<BootAppraisal> {
  const { ima, policy } = input;
  const refused: Refused = {
    'ima-violation': [],
    'ima-key-refused': [],
    'ima-buffer-refused': [],
    'ima-file-refused': [],
  };
  const isSigned = signatureChecker(policy.keys);
  const judged = input.acceptedBefore ? ima.provenBefore : 0;
  for (const [index, record] of ima.records.entries()) {
    const number = ima.firstRecord + index;
    if (number < judged) continue;
    const code = refusalOf(record, policy, isSigned);
    if (code !== undefined) refused[code].push({ record, number });
    if (index % RECORDS_A_STEP === 0) yield;
  }
  const measurement = appraiseMeasurementPolicy(input);
  const results = [measurement, ...RECORD_FACTS.map(({ fact, code }) => recordResult(fact, code, refused[code]))];
  return { results, denials: [...policyDenial(measurement), ...recordDenials(refused)] };
}

type RecordCode = Extract<DenialCode, 'ima-violation' | 'ima-key-refused' | 'ima-buffer-refused' | 'ima-file-refused'>;

interface NumberedRecord {
  readonly record: ImaRecord;
  /** Since the boot, from 0. */
  readonly number: number;
}

type Refused = Readonly<Record<RecordCode, NumberedRecord[]>>;

const RECORD_FACTS: readonly { readonly fact: string; readonly code: RecordCode }[] = [
  { fact: 'ima-violations', code: 'ima-violation' },
  { fact: 'ima-keyrings', code: 'ima-key-refused' },
  { fact: 'ima-buffers', code: 'ima-buffer-refused' },
  { fact: 'ima-files', code: 'ima-file-refused' },
];

/** Why a record is not accepted, if it is not. */
function refusalOf(
  record: ImaRecord,
  { policy, digests, files, buffers }: CompiledImaPolicy,
  isSigned: (record: ImaRecord) => boolean,
): RecordCode | undefined {
  const { buffer } = record.fields;
  if (record.isViolation) {
    const isAllowed = policy.violations === 'allow-excluded' && isExcluded(recordName(record), policy.excludes);
    return isAllowed ? undefined : 'ima-violation';
  }
  if (buffer !== undefined) {
    const name = recordName(record);
    if (buffers.get(name)?.has(sha256Hex(buffer)) === true) return undefined;
    return name.startsWith('.') ? 'ima-key-refused' : 'ima-buffer-refused';
  }
  if (isBootAggregate(record)) return undefined;
  const digest = fileDigest(record);
  if (digest !== undefined && digests.has(digest)) return undefined;
  const name = recordName(record);
  if (digest !== undefined && files.get(name)?.has(digest) === true) return undefined;
  if (isExcluded(name, policy.excludes) || isSigned(record)) return undefined;
  return 'ima-file-refused';
}

const isExcluded = (name: string, excludes: readonly string[]): boolean =>
  excludes.some((path) => (path.endsWith('/') ? name.startsWith(path) : name === path));

const MEASUREMENT_POLICY = { fact: 'ima-measurement-policy', code: 'ima-measurement-policy' } as const;

/** What the kernel measures is known from its command line, or from the policy file that it loaded and measured. */
function appraiseMeasurementPolicy(input: ImaAppraisalInput): FactResult {
  const { ima, policy, commandLines = [], acceptedBefore } = input;
  const { commandLineTokens: tokens, files } = policy.policy.measurementPolicy;
  const paths = Object.keys(files);
  const wanted = `command line with: ${listed(tokens)}; or one of: ${listed(paths)}`;
  const [line] = commandLines;
  const words = line === undefined || commandLines.length > 1 ? [] : line.split(/[ \t\n]+/);
  if (tokens.length > 0 && tokens.every((token) => words.includes(token))) {
    return factResult(MEASUREMENT_POLICY, { wanted, found: 'the command line has it', ok: true });
  }
  const known = new Map(Object.entries(files));
  const file = ima.records.find((record) => {
    const digest = fileDigest(record);
    return !record.isViolation && digest !== undefined && known.get(recordName(record))?.includes(digest) === true;
  });
  if (file !== undefined) return factResult(MEASUREMENT_POLICY, { wanted, found: recordName(file), ok: true });
  const ok = acceptedBefore && ima.provenBefore > 0;
  return factResult(MEASUREMENT_POLICY, { wanted, found: ok ? 'known from earlier evidence' : 'neither', ok });
}

const recordResult = (fact: string, code: RecordCode, refused: readonly NumberedRecord[]): FactResult =>
  factResult(
    { fact, code, pcr: 10 },
    { wanted: 'known ones only', found: `refused: ${listed(refused.map(describe))}`, ok: refused.length === 0 },
  );

const describe = ({ record, number }: NumberedRecord): string =>
  `${recordName(record)} ${fileDigest(record) ?? 'without a digest'} (record ${number})`;

const policyDenial = ({ ok, wanted, found }: FactResult): readonly Denial[] =>
  ok ? [] : [{ code: 'ima-measurement-policy', expected: wanted, found }];

const MAX_DENIALS = 16;

/** A denial for each refused record, up to a number that a person can read; the last one says how many there are in all. */
function recordDenials(refused: Refused): readonly Denial[] {
  const all = RECORD_FACTS.flatMap(({ code }) => refused[code].map((record) => ({ code, record })));
  return all.slice(0, MAX_DENIALS).map(({ code, record }, index) => ({
    code,
    pcr: 10,
    found: describe(record),
    ...(index === MAX_DENIALS - 1 && { detail: `and ${all.length - MAX_DENIALS} more` }),
  }));
}
