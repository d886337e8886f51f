import { deepEqual, ok } from 'node:assert/strict';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { toHex, utf8 } from '#core/bytes.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { type BootFacts, bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { appraiseIma } from '#attestation/measured-boot/ima/appraise-ima.ts';
import { verifyIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import {
  bootLogInput,
  config,
  EFI,
  GOOD_BOOT,
  LOG_PCRS,
  quotedAfter,
  SECURE_BOOT_VARIABLES,
  signatureList,
  uefiVariable,
} from '#test/lab/boot-log.ts';
import { bootPolicy, GOOD_POLICY } from '#test/lab/boot-policy.ts';
import { eventLog } from '#test/lab/event-log-builder.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import {
  bufferRecord,
  GOOD_IMA_POLICY,
  GOOD_LIST,
  imaInput,
  imaPolicy,
  quotedIma,
  violation,
} from '#test/lab/ima-list.ts';
import { imaLog } from '#test/lab/ima-log-builder.ts';
import { hostileBytes } from '#test/lab/mutate.ts';
import { parseEventLog } from '#tpm2/event-log.ts';
import { parseGptEvent } from '#tpm2/event-log/gpt.ts';
import { claimedImagePath } from '#tpm2/event-log/image-load.ts';
import { replayEventLog } from '#tpm2/event-log/replay.ts';
import { parseSbatLevel } from '#tpm2/event-log/sbat-level.ts';
import { parseSignatureDatabase } from '#tpm2/event-log/signature-list.ts';
import { parseTaggedEvent } from '#tpm2/event-log/tagged-event.ts';
import { parsePaddedUefiVariable, parseUefiVariable } from '#tpm2/event-log/uefi-variable.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { parseImaLog } from '#tpm2/ima-log.ts';
import { IMA_PCR } from '#tpm2/ima-log.ts';
import { PcrRegister, resetValue } from '#tpm2/pcr-register.ts';
import { templateHash } from '#tpm2/ima-log/replay.ts';

/** Far above what the slowest input takes, far below what a hang would. */
const SLOW_MS = 1_000;

/** True if `check` held for every input tried, and in time. Format errors are the parsers' own, and no other error is. */
function holdsFor(seeds: readonly Uint8Array[], check: (bytes: Uint8Array) => void, maxLength = 512): boolean {
  const property = fc.property(hostileBytes(seeds, maxLength), (bytes) => {
    const started = performance.now();
    try {
      check(bytes);
    } catch (error) {
      if (!(error instanceof Tpm2FormatError)) throw error;
    }
    ok(performance.now() - started < SLOW_MS);
  });
  fc.assert(property, { numRuns: FUZZ_RUNS });
  return true;
}

const BANKS = ['sha256', 'sha384'] as const;
const GOOD_LOG = eventLog(GOOD_BOOT, BANKS);
const off = config(EFI.global, 'SecureBoot', Buffer.of(0));
const BAD_BOOT = GOOD_BOOT.map((event) => (event === SECURE_BOOT_VARIABLES[0] ? off : event));
const BAD_LOG = eventLog(BAD_BOOT, BANKS);
const POLICY = bootPolicy(GOOD_POLICY);

/** What a fact is by digests alone: names that the log gives are left out, and which of GRUB's strings is a command line. */
function provenFacts({ secureBoot, bootApplications, grub, loaderFiles, uki, exitBootServices }: BootFacts): unknown {
  return {
    secureBoot,
    bootApplications: bootApplications?.map(({ digest }) => digest),
    grub: grub && [...grub.commands, ...grub.commandLines].toSorted(),
    loaderFiles: loaderFiles?.map(({ digest }) => digest),
    uki,
    exitBootServices,
  };
}

describe('hostile event logs', () => {
  test('show nothing of a good boot but what it was', () => {
    const quotedPcrs = quotedAfter(GOOD_BOOT);
    const good = verifyEventLog(bootLogInput(GOOD_BOOT));
    const expected = good.ok && provenFacts(bootFacts(good.log));
    let accepted = 0;
    const held = holdsFor([GOOD_LOG], (log) => {
      const outcome = verifyEventLog(bootLogInput(GOOD_BOOT, { log, quotedPcrs }));
      if (!outcome.ok) return ok(outcome.denials.length > 0);
      accepted += 1;
      deepEqual(provenFacts(bootFacts(outcome.log)), expected);
    });
    expect([held, accepted > 0]).toEqual([true, true]);
  });

  test('never make a boot without Secure Boot one that the policy takes', () => {
    const quotedPcrs = quotedAfter(BAD_BOOT);
    const held = holdsFor([GOOD_LOG, BAD_LOG], (log) => {
      const outcome = verifyEventLog(bootLogInput(BAD_BOOT, { log, quotedPcrs, allowPaddedAuthorities: true }));
      if (outcome.ok) ok(appraiseBoot(bootFacts(outcome.log), POLICY).denials.length > 0);
    });
    expect(held).toBe(true);
  });

  // With the quote that the log itself leads to, every input that can be replayed gets past the replay.
  test('whose replay is right are judged without a fault', () => {
    const held = holdsFor([GOOD_LOG, BAD_LOG], (log) => {
      const replayed = replayEventLog(parseEventLog(log), 'sha256');
      const quotedPcrs = new Map(quotedAfter([]));
      for (const [pcr, value] of replayed) if (value !== 'digest-missing') quotedPcrs.set(pcr, toHex(value));
      const outcome = verifyEventLog({
        log,
        bank: 'sha256',
        policyPcrs: LOG_PCRS,
        quotedPcrs,
        allowPaddedAuthorities: true,
      });
      if (!outcome.ok) return ok(outcome.denials.length > 0);
      const { results, denials } = appraiseBoot(bootFacts(outcome.log), POLICY);
      deepEqual(
        denials.length === 0,
        results.every(({ ok: isMet }) => isMet),
      );
    });
    expect(held).toBe(true);
  });
});

describe('hostile structures of events', () => {
  const list = signatureList(EFI.sha256, [new Uint8Array(32), new Uint8Array(32)]);
  test.each<[string, readonly Uint8Array[], (bytes: Uint8Array) => unknown]>([
    ['variables', [uefiVariable(EFI.global, 'SecureBoot', Buffer.of(1))], parseUefiVariable],
    ['padded variables', [uefiVariable(EFI.shim, 'Shim', Buffer.of(1, 0, 0))], parsePaddedUefiVariable],
    ['signature databases', [list, signatureList(EFI.x509, [utf8('certificate')])], parseSignatureDatabase],
    ['SBAT levels', [utf8('sbat,1,2025021800\nshim,4\ngrub,5\n')], parseSbatLevel],
    [
      'image loads',
      [Buffer.concat([new Uint8Array(24), Buffer.of(8, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 0, 127, 255, 4, 0)])],
      claimedImagePath,
    ],
    [
      'partition tables',
      [Buffer.concat([utf8('EFI PART'), new Uint8Array(76), Buffer.of(128), new Uint8Array(200)])],
      parseGptEvent,
    ],
    ['tagged events', [Buffer.from('ed223b8f02000000abcd', 'hex')], parseTaggedEvent],
  ])('%s throw a format error, or are read', (_what, seeds, parse) => {
    expect(holdsFor(seeds, parse)).toBe(true);
  });
});

describe('hostile IMA lists', () => {
  const MIXED = [...GOOD_LIST, violation('/var/log/x'), bufferRecord('.ima', utf8('key'))];
  const SEEDS = [imaLog(GOOD_LIST), imaLog(MIXED)];
  const policy = imaPolicy(GOOD_IMA_POLICY);
  const commandLines = ['ima_policy=tcb'];

  test('give nothing but the records that were extended', () => {
    const { quotedPcrs } = imaInput(MIXED);
    let accepted = 0;
    const held = holdsFor(SEEDS, (log) => {
      const outcome = verifyIma(imaInput(MIXED, { log, quotedPcrs }));
      if (!outcome.ok) return ok(outcome.denials.length > 0);
      accepted += 1;
      deepEqual(outcome.ima.records.length, MIXED.length);
      ok(appraiseIma({ ima: outcome.ima, policy, commandLines, acceptedBefore: false }).denials.length > 0);
    });
    expect([held, accepted > 0]).toEqual([true, true]);
  });

  test('whose replay is right are judged without a fault', () => {
    const held = holdsFor(SEEDS, (log) => {
      const register = new PcrRegister('sha256', resetValue(IMA_PCR, 'sha256'));
      for (const record of parseImaLog(log)) register.extend(templateHash(record, 'sha256'));
      const outcome = verifyIma(imaInput(MIXED, { log, quotedPcrs: quotedIma(toHex(register.value())) }));
      if (!outcome.ok) return ok(outcome.denials.length > 0);
      const { results, denials } = appraiseIma({
        ima: outcome.ima,
        policy,
        commandLines,
        acceptedBefore: false,
      });
      deepEqual(
        denials.length === 0,
        results.every(({ ok: isMet }) => isMet),
      );
    });
    expect(held).toBe(true);
  });
});
