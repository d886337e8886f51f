import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { stringify } from 'yaml';

import { provenCommandLines } from '#attestation/measured-boot/appraise-command-line.ts';
import { type BootFacts, bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { recordedBootFacts } from '#attestation/measured-boot/boot-record.ts';
import { capturedBootPolicy } from '#attestation/measured-boot/captured-boot-policy.ts';
import { type CapturedImaPolicy, capturedImaPolicy } from '#attestation/measured-boot/ima/captured-ima-policy.ts';
import { verifyIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import type { Denial } from '#attestation/result.ts';
import type { Bytes } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { EVENT_LOG_MAX_BYTES, IMA_LOG_MAX_BYTES } from '#protocol/join.ts';
import type { RecordedJoin } from '#protocol/joins.ts';

import type { CommandTerminal } from './command-terminal.ts';

/** Logs that were copied from the machine that joined, and where the result goes; standard output without it. */
export interface PolicyCaptureOptions {
  readonly eventLog?: string | undefined;
  readonly imaLog?: string | undefined;
  readonly out?: string | undefined;
}

type Evidence = NonNullable<RecordedJoin['evidence']>;

/**
 * Writes the demands that a machine met in `join`, `boot` and `ima`, as a pool's `tpm2` has them: for review. A log counts only as far as it
 * gives the PCR values that the join's quote proved, so that nobody but the machine had a say in it; without one the boot is the recorded
 * one. Throws CommandFailure where there is nothing to write, a log is not that machine's, or a file cannot be read or written.
 */
export async function capturePolicy(
  join: RecordedJoin,
  options: PolicyCaptureOptions,
  terminal: CommandTerminal,
): Promise<void> {
  const { evidence } = join;
  if (evidence === undefined) throw refused('no evidence of this join was verified');
  const read = (file: string, maxBytes: number) => readLog(resolve(terminal.workingDirectory, file), maxBytes);
  const facts =
    options.eventLog === undefined
      ? evidence.boot && recordedBootFacts(evidence.boot)
      : factsOf(await read(options.eventLog, EVENT_LOG_MAX_BYTES), evidence);
  const ima = options.imaLog && imaOf(await read(options.imaLog, IMA_LOG_MAX_BYTES), evidence, facts);
  if (facts === undefined && !ima) {
    throw refused(
      'this join’s record has no facts of the boot',
      'Copy the machine’s event log (/sys/kernel/security/tpm0/binary_bios_measurements) and give it with --event-log.',
    );
  }
  const text = render(join, facts, ima === '' ? undefined : ima);
  if (options.out === undefined) return terminal.out(text);
  await writeNew(resolve(terminal.workingDirectory, options.out), text);
  terminal.err(`Wrote ${options.out}. Review it: it accepts whatever that machine booted and ran.\n`);
}

const quotedIn = ({ pcrs }: Evidence): ReadonlyMap<number, string> =>
  new Map(Object.entries(pcrs).map(([pcr, value]) => [Number(pcr), value]));

function factsOf(log: Bytes, evidence: Evidence): BootFacts {
  const quotedPcrs = quotedIn(evidence);
  const { bank } = evidence;
  const input = { log, bank, policyPcrs: [...quotedPcrs.keys()], quotedPcrs, allowPaddedAuthorities: true };
  const outcome = verifyEventLog(input);
  if (outcome.ok) return bootFacts(outcome.log);
  throw notThatMachines('event log', outcome.denials);
}

function imaOf(log: Bytes, evidence: Evidence, facts: BootFacts | undefined): CapturedImaPolicy {
  const quotedPcrs = quotedIn(evidence);
  const { bank } = evidence;
  // Which boot it is of shows in boot_aggregate; the reset count is of no account without evidence before it.
  const outcome = verifyIma({ log, firstRecord: 0, bank, quotedPcrs, resetCount: 0, previous: undefined });
  if (!outcome.ok) throw notThatMachines('IMA list', outcome.denials);
  return capturedImaPolicy(outcome.ima, (facts && provenCommandLines(facts)) ?? []);
}

function render(join: RecordedJoin, facts: BootFacts | undefined, ima: CapturedImaPolicy | undefined): string {
  const { nodeName = 'a machine', requestId, at } = join;
  const leftOut = ima?.leftOut ?? [];
  const comment = [
    `What ${nodeName} proved in join ${requestId} of ${at}, as narrow demands.`,
    'Review it, widen what may differ, and put it under tpm2 of a pool. It accepts whatever that machine booted and ran.',
    ...(leftOut.length === 0
      ? []
      : ['No demand accepts these, which were measured too:', ...leftOut.map((name) => JSON.stringify(name))]),
  ];
  const content = {
    ...(facts && { boot: capturedBootPolicy(facts) }),
    ...(ima && { ima: ima.policy }),
  };
  return `${comment.map((line) => `# ${line}\n`).join('')}${stringify(content, { lineWidth: 0 })}`;
}

async function readLog(file: string, maxBytes: number): Promise<Bytes> {
  const log = await readFile(file).catch((error: unknown) => {
    throw new CommandFailure(EXIT.dataRefused, error instanceof Error ? error.message : `${file} cannot be read`);
  });
  if (log.byteLength > maxBytes) throw refused(`${file} is over ${maxBytes} bytes`);
  return new Uint8Array(log);
}

async function writeNew(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx', mode: 0o644 }).catch((error: unknown) => {
    throw new CommandFailure(EXIT.cannotCreate, error instanceof Error ? error.message : `${file} cannot be written`);
  });
}

const refused = (message: string, ...next: readonly string[]): CommandFailure =>
  new CommandFailure(EXIT.dataRefused, message, ...next);

function notThatMachines(what: string, denials: readonly Denial[]): CommandFailure {
  const [first] = denials;
  const why = first === undefined ? '' : `: ${first.code}${first.pcr === undefined ? '' : `, PCR ${first.pcr}`}`;
  return refused(
    `the ${what} is not the one of that join${why}`,
    'It must be of the same boot, and the join must have quoted the PCRs that prove it.',
  );
}
