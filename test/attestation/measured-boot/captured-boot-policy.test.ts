import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { capturedBootPolicy } from '#attestation/measured-boot/captured-boot-policy.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import { measuredBootPolicySchema } from '#protocol/measured-boot-policy.ts';
import { GOOD_BOOT, image, LOG_PCRS, measured, named, quotedAfter, verifiedBoot } from '#test/lab/boot-log.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { sharedVector } from '#test/lab/vectors.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;
const factsOf = (events: readonly BuiltEvent[]) => bootFacts(verifiedBoot(events));
const denialsOf = (events: readonly BuiltEvent[], captured: readonly BuiltEvent[]) =>
  appraiseBoot(factsOf(events), capturedBootPolicy(factsOf(captured))).denials.map(({ detail }) => detail);

test('a captured policy is one that its file could have, and accepts the boot it is of', () => {
  const policy = capturedBootPolicy(factsOf(GOOD_BOOT));
  expect(measuredBootPolicySchema.parse(policy)).toEqual(policy);
  expect(policy).toMatchObject({
    secureBoot: 'required',
    dmaProtection: 'required',
    exitBootServices: 'required',
    mok: 'empty',
  });
  expect(denialsOf(GOOD_BOOT, GOOD_BOOT)).toEqual([]);
});

describe('a captured policy refuses a boot that differs', () => {
  const before = (...events: readonly BuiltEvent[]) => GOOD_BOOT.toSpliced(-2, 0, ...events);
  test.each([
    ['by an image', before(image('other')), ['boot-applications']],
    ['by a file', before(named(9, '/x', utf8('x'))), ['loader-files']],
    ['by a command', before(measured(8, T.ipl, utf8('grub_cmd: x\0'), utf8('x'))), ['grub-commands']],
    ['by its end', GOOD_BOOT.slice(0, -2), ['exit-boot-services']],
  ])('%s', (_what, events, expected) => {
    expect(denialsOf(events, GOOD_BOOT)).toEqual(expected);
  });

  test('though not in what the captured boot did not meet', () => {
    const bare = GOOD_BOOT.filter(({ pcr }) => pcr !== 7 && pcr !== 14).slice(0, -2);
    const events = [measured(7, T.separator, new Uint8Array(4)), ...bare];
    expect(capturedBootPolicy(factsOf(events))).toMatchObject({
      secureBoot: 'not-required',
      exitBootServices: 'not-required',
    });
    expect(denialsOf(events, events)).toEqual([]);
  });

  test('and knows a unified kernel image', () => {
    const section = [utf8('.linux\0'), utf8('kernel')].map((content) => measured(11, T.ipl, utf8('x'), content));
    expect(capturedBootPolicy(factsOf(before(...section))).uki?.sections).toMatchObject({
      '.linux': [expect.any(String)],
    });
    expect(denialsOf(before(...section), before(...section))).toEqual([]);
    expect(denialsOf(before(...section, ...section.toReversed()), before(...section))).toEqual(['uki-sections']);
  });
});

const replayedFile = sharedVector('derived/replayed-pcrs.json');
const REPLAYED: Record<string, { pcrs?: Record<string, Record<string, string>>; startupLocality?: number[] }> =
  replayedFile === undefined ? {} : JSON.parse(readFileSync(replayedFile, 'utf8'));

describe.skipIf(replayedFile === undefined)('a policy captured from a real machine accepts it', () => {
  const files = Object.entries(REPLAYED).filter(([, { pcrs }]) => pcrs?.['sha256'] !== undefined);
  test.each(files)('%s', (file, { pcrs, startupLocality: [locality = 0] = [] }) => {
    const quotedPcrs = new Map(quotedAfter([], { locality }));
    for (const [pcr, value] of Object.entries(pcrs?.['sha256'] ?? {})) quotedPcrs.set(Number(pcr), value);
    const policyPcrs = file.endsWith('deb1.log') ? LOG_PCRS.filter((pcr) => pcr !== 0) : LOG_PCRS;
    const log = readFileSync(sharedVector(file) ?? '');
    const outcome = verifyEventLog({ log, bank: 'sha256', policyPcrs, quotedPcrs, allowPaddedAuthorities: true });
    expect(outcome.ok).toBe(!file.endsWith('event-uefivar.bin'));
    if (!outcome.ok) return;
    const facts = bootFacts(outcome.log);
    expect(appraiseBoot(facts, capturedBootPolicy(facts)).denials).toEqual([]);
  });
});
