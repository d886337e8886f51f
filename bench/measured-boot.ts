import { type Bytes, toHex } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { appraiseIma } from '#attestation/measured-boot/ima/appraise-ima.ts';
import { verifyIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import type { VerifiedEventLog } from '#attestation/measured-boot/verified-event-log.ts';
import { bootLogInput, config, EFI, GOOD_BOOT, grub, signatureList } from '#test/lab/boot-log.ts';
import { bootPolicy, GOOD_POLICY } from '#test/lab/boot-policy.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { bootAggregate, GOOD_IMA_POLICY, imaInput, imaPolicy } from '#test/lab/ima-list.ts';
import { imaNg } from '#test/lab/ima-log-builder.ts';
import { parseImaLog } from '#tpm2/ima-log.ts';

import { microsecondsPerCall } from './measure.ts';

const RECORDS = 10_000;
/** As Microsoft's revocation list of 2025 has, about. */
const REVOKED = 430;
const GRUB_COMMANDS = 190;

/** Microseconds of CPU, and how many times the hashing that nobody can do without it is. */
export interface MeasuredBootBench {
  readonly eventLogBytes: number;
  /** Parsing, replay, grammar, bindings, facts and appraisal. */
  readonly eventLogMicroseconds: number;
  /** Each event's extension, each datum that a fact rests on, each certificate's fingerprint. */
  readonly eventLogHashingMicroseconds: number;
  /** Verifying alone: what the log says is what was measured. */
  readonly eventLogRatio: number;
  /** With facts and appraisal by a policy that has demands on every part of the boot. */
  readonly eventLogJudgedRatio: number;
  readonly imaRecords: number;
  /** Parsing, replay and appraisal by digest. */
  readonly imaMicroseconds: number;
  /** Each record's template hash and extension. */
  readonly imaHashingMicroseconds: number;
  /** Verifying alone: the list gives PCR 10. */
  readonly imaRatio: number;
  /** With every file looked up in the policy. */
  readonly imaJudgedRatio: number;
}

/** Verifies and appraises an event log of about 60 KiB and an IMA list of 10,000 records, each beside its hashing in the same run. */
export function benchMeasuredBoot(): MeasuredBootBench {
  return { ...benchEventLog(), ...benchIma() };
}

type EventLogBench = Pick<
  MeasuredBootBench,
  'eventLogBytes' | 'eventLogMicroseconds' | 'eventLogHashingMicroseconds' | 'eventLogRatio' | 'eventLogJudgedRatio'
>;

function benchEventLog(): EventLogBench {
  const events = longBoot();
  const commands = GOOD_POLICY.grubCommands ?? [];
  const policy = bootPolicy({
    ...GOOD_POLICY,
    grubCommands: [...commands, ...Array.from({ length: GRUB_COMMANDS }, (_, at) => command(at))],
  });
  const input = bootLogInput(events);
  const verify = (): VerifiedEventLog => {
    const outcome = verifyEventLog(input);
    if (!outcome.ok || appraiseBoot(bootFacts(outcome.log), policy).denials.length > 0)
      throw new Error('the boot is good');
    return outcome.log;
  };
  const hashed = hashedBy(verify());
  const options = { rounds: 9, calls: 500 };
  const eventLogMicroseconds = microsecondsPerCall(verify, options);
  const verifyingMicroseconds = microsecondsPerCall(() => verifyEventLog(input), options);
  const eventLogHashingMicroseconds = microsecondsPerCall(() => hashAll(hashed), options);
  return {
    eventLogBytes: input.log.byteLength,
    eventLogMicroseconds,
    eventLogHashingMicroseconds,
    eventLogRatio: verifyingMicroseconds / eventLogHashingMicroseconds,
    eventLogJudgedRatio: eventLogMicroseconds / eventLogHashingMicroseconds,
  };
}

const command = (at: number): string =>
  `[ -f (hd0,gpt2)/boot/grub/x86_64-efi/module-${at}.mod ] -a set module_${at}=loaded`;

/** The lab's good boot with a revocation list and GRUB commands as long as a server's. */
function longBoot(): readonly BuiltEvent[] {
  const revoked = Array.from({ length: REVOKED }, (_, at) => digest('sha256', Buffer.from(`revoked ${at}`)));
  const [known = new Uint8Array()] = GOOD_POLICY.dbxIncludes?.map((hex) => Buffer.from(hex, 'hex')) ?? [];
  const dbx = config(EFI.imageSecurity, 'dbx', signatureList(EFI.sha256, [known, ...revoked]));
  const commands = Array.from({ length: GRUB_COMMANDS }, (_, at) => grub('grub_cmd: ', command(at)));
  return GOOD_BOOT.map((event) => (isDbx(event) ? dbx : event)).toSpliced(-2, 0, ...commands);
}

const isDbx = ({ pcr, data }: BuiltEvent): boolean => pcr === 7 && Buffer.from(data).includes('dbx', 0, 'utf16le');

/** What verification hashes: the data that is bound, and a PCR's value with a digest for each event. */
function hashedBy({ events }: VerifiedEventLog): readonly Bytes[] {
  return [...events.values()].flat().flatMap(({ bound }) => {
    const extension = new Uint8Array(64);
    return bound === undefined ? [extension] : [bound, extension];
  });
}

function hashAll(inputs: readonly Bytes[]): void {
  for (const input of inputs) digest('sha256', input);
}

type ImaBench = Pick<
  MeasuredBootBench,
  'imaRecords' | 'imaMicroseconds' | 'imaHashingMicroseconds' | 'imaRatio' | 'imaJudgedRatio'
>;

function benchIma(): ImaBench {
  const contents = Array.from({ length: RECORDS - 1 }, (_, at) => digest('sha256', Buffer.from(`file ${at}`)));
  const records = [
    bootAggregate(),
    ...contents.map((content, at) => imaNg(`/usr/lib/x86_64-linux-gnu/library-${at}.so.${at % 10}`, content)),
  ];
  const policy = imaPolicy({ ...GOOD_IMA_POLICY, digests: contents.map((content) => `sha256:${toHex(content)}`) });
  const input = imaInput(records);
  const commandLines = ['/vmlinuz ima_policy=tcb'];
  const verify = (): void => {
    const outcome = verifyIma(input);
    if (!outcome.ok) throw new Error('the list is good');
    const { denials } = appraiseIma({ ima: outcome.ima, policy, commandLines, acceptedBefore: false });
    if (denials.length > 0) throw new Error('every file is known');
  };
  const hashed = parseImaLog(input.log).flatMap(({ templateData }) => [templateData, new Uint8Array(64)]);
  const options = { rounds: 9, calls: 3 };
  const imaMicroseconds = microsecondsPerCall(verify, options);
  const verifyingMicroseconds = microsecondsPerCall(() => verifyIma(input), options);
  const imaHashingMicroseconds = microsecondsPerCall(() => hashAll(hashed), options);
  return {
    imaRecords: RECORDS,
    imaMicroseconds,
    imaHashingMicroseconds,
    imaRatio: verifyingMicroseconds / imaHashingMicroseconds,
    imaJudgedRatio: imaMicroseconds / imaHashingMicroseconds,
  };
}
