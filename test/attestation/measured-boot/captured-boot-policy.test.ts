import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { type BootFacts, bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { capturedBootPolicy } from '#attestation/measured-boot/captured-boot-policy.ts';
import type { SecureBootFacts } from '#attestation/measured-boot/secure-boot-facts.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import { type MeasuredBootPolicy, measuredBootPolicySchema } from '#protocol/measured-boot-policy.ts';
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

describe('each fact becomes the narrowest demand that it meets', () => {
  const good = factsOf(GOOD_BOOT);
  const { secureBoot } = good;
  if (secureBoot === undefined) throw new Error('the lab’s boot proves PCR 7');
  const captured = (change: Partial<BootFacts>) => capturedBootPolicy({ ...good, ...change });
  const withSecureBoot = (change: Partial<SecureBootFacts>) => ({ secureBoot: { ...secureBoot, ...change } });
  const [A, B, C] = ['aa', 'bb', 'cc'].map((octet) => octet.repeat(32)) as [string, string, string];
  const ran = (...digests: readonly string[]) => digests.map((digest) => ({ digest, beforeSeparator: false }));
  const own = (...digests: readonly string[]) => digests.map((digest) => ({ digest, beforeSeparator: true }));
  const applications = (facts: readonly { digest: string; beforeSeparator: boolean }[]) => ({
    bootApplications: facts.map((fact) => ({ ...fact, claimedPath: undefined }) as never),
  });
  const authority = (fingerprint: string | undefined) => ({
    variable: 'db',
    guid: '',
    fingerprint,
    inDb: true,
    exact: true,
  });
  const noUki = { image: undefined, commandLines: [], overrides: [], extensions: [] };
  const section = (name: string, digest: string) => ({ name, digest });
  const ukiOf = (sections: readonly { name: string; digest: string }[], otherEvents = 0) => ({
    uki: { ...noUki, image: { sections, otherEvents, bootPhases: [] }, overrides: [A, A], extensions: [B, B] },
  });
  const mok = { kind: 'measured', list: 'other', listDigest: A, validationDisabled: false, measurements: [] } as const;
  const file = (digest: string, isKnownCommandLine: boolean) => ({ digest, isKnownCommandLine, unverifiedName: '' });

  test.each<[string, Partial<BootFacts>, object]>([
    ['Secure Boot that is not proven', withSecureBoot({ proven: false }), { secureBoot: 'not-required' }],
    ['no PCR 7', { secureBoot: undefined }, { secureBoot: 'not-required', dmaProtection: 'not-required' }],
    ['DMA protection', withSecureBoot({ dmaProtectionDisabled: false }), { dmaProtection: 'required' }],
    ['no DMA protection', withSecureBoot({ dmaProtectionDisabled: true }), { dmaProtection: 'not-required' }],
    ['an end that is logged', { exitBootServices: 'logged' }, { exitBootServices: 'required' }],
    ['an end that is not logged', { exitBootServices: 'not-logged' }, { exitBootServices: 'unlogged-allowed' }],
    ['an end that is missing', { exitBootServices: 'missing' }, { exitBootServices: 'not-required' }],
    ['no PCR 5', { exitBootServices: undefined }, { exitBootServices: 'not-required' }],
    ['no warnings', { warnings: [] }, { allowPaddedAuthorities: false }],
    [
      'an authority of a byte more',
      { warnings: [{ code: 'other' }, { code: 'authority-one-byte-longer' }] as never },
      { allowPaddedAuthorities: true },
    ],
    ['another warning', { warnings: [{ code: 'other' }] as never }, { allowPaddedAuthorities: false }],
    [
      'images, each once where it repeats',
      applications([...own(C, C), ...ran(A, A, B, A)]),
      { firmwareApplications: [C], bootApplications: { stages: [[A], [B], [A]] } },
    ],
    [
      'authorities, each once, but for data',
      withSecureBoot({
        authorities: [authority(A), authority(undefined), authority(B), authority(A)],
        driverAuthorities: [authority(C), authority(C), authority(undefined)],
      }),
      { authorities: [A, B], driverAuthorities: [C] },
    ],
    [
      'every kind of entry of dbx',
      withSecureBoot({
        dbx: { certificates: ['a'], imageDigests: ['b', 'b'], certificateDigests: ['c', 'c', 'c'], others: 4 },
      }),
      { dbxMinimumEntries: 10 },
    ],
    [
      'an SBAT level',
      withSecureBoot({ sbat: { date: '2021030218', generations: [['shim', 2]] } }),
      { sbatAtLeast: { date: '2021030218', generations: { shim: 2 } } },
    ],
    ['no shim', { mok: { kind: 'absent' } }, { mok: 'empty' }],
    ['an empty list of MOKs', { mok: { ...mok, list: 'empty' } }, { mok: 'empty' }],
    ['a list of MOKs', { mok }, { mok: { known: [A] } }],
    [
      'one command line',
      { grub: { commands: [], commandLines: ['a'] }, uki: noUki },
      { commandLines: { exact: ['a'], tokens: [], requiredTokens: [] } },
    ],
    [
      'a stub’s command line',
      { grub: { commands: [], commandLines: [] }, uki: { ...noUki, commandLines: ['b'] } },
      { commandLines: { exact: ['b'], tokens: [], requiredTokens: [] } },
    ],
    [
      'the same without PCR 8',
      { grub: undefined, uki: { ...noUki, commandLines: ['b'] } },
      { commandLines: { exact: ['b'], tokens: [], requiredTokens: [] } },
    ],
    [
      'GRUB’s commands, each once',
      { grub: { commands: ['x', 'y', 'x'], commandLines: [] } },
      { grubCommands: ['x', 'y'] },
    ],
    [
      'files, each once, but for the load options',
      { loaderFiles: [file(A, false), file(B, true), file(A, false)] },
      { loaderFiles: [A] },
    ],
    ['no files', { loaderFiles: [] }, { loaderFiles: [] }],
    [
      'a unified kernel image',
      ukiOf([section('.linux', A), section('.dtb', B), section('.dtb', C), section('.dtb', B)]),
      { uki: { sections: { '.linux': [A], '.dtb': [B, C] }, overrides: [A], extensions: [B] } },
    ],
  ])('%s', (_what, facts, demands) => {
    expect(captured(facts)).toMatchObject(demands);
  });

  test.each<[string, Partial<BootFacts>, keyof MeasuredBootPolicy]>([
    ['no PCR 4', { bootApplications: undefined }, 'bootApplications'],
    ['no image', applications(own(A)), 'bootApplications'],
    ['no authority', withSecureBoot({ authorities: [authority(undefined)] }), 'authorities'],
    ['no PCR 7', { secureBoot: undefined }, 'authorities'],
    ['no PCR 7', { secureBoot: undefined }, 'dbxMinimumEntries'],
    ['no PCR 7', { secureBoot: undefined }, 'sbatAtLeast'],
    [
      'an empty dbx',
      withSecureBoot({ dbx: { certificates: [], imageDigests: [], certificateDigests: [], others: 0 } }),
      'dbxMinimumEntries',
    ],
    ['no SBAT level', withSecureBoot({ sbat: undefined }), 'sbatAtLeast'],
    ['an SBAT level that is not one', withSecureBoot({ sbat: 'unreadable' }), 'sbatAtLeast'],
    ['no PCR 14', { mok: undefined }, 'mok'],
    ['a shim that may not verify', { mok: { ...mok, validationDisabled: true } }, 'mok'],
    ['a list of MOKs without a digest', { mok: { ...mok, listDigest: undefined } }, 'mok'],
    [
      'two command lines',
      { grub: { commands: [], commandLines: ['a'] }, uki: { ...noUki, commandLines: ['b'] } },
      'commandLines',
    ],
    ['no command line', { grub: undefined, uki: { ...noUki, commandLines: undefined } }, 'commandLines'],
    ['no command', { grub: { commands: [], commandLines: ['a'] } }, 'grubCommands'],
    ['no PCR 8', { grub: undefined }, 'grubCommands'],
    ['no PCR 9', { loaderFiles: undefined }, 'loaderFiles'],
    ['no unified kernel image', { uki: noUki }, 'uki'],
    ['one without sections', ukiOf([]), 'uki'],
    ['one with other events', ukiOf([section('.linux', A)], 1), 'uki'],
  ])('but %s becomes no demand', (_what, facts, demand) => {
    expect(Object.keys(captured(facts))).not.toContain(demand);
  });

  test('and PCRs 12 and 13 that are not proven allow nothing', () => {
    const image = { sections: [section('.linux', A)], otherEvents: 0, bootPhases: [] };
    const policy = captured({ uki: { image, commandLines: undefined, overrides: undefined, extensions: undefined } });
    expect(policy.uki).toEqual({ sections: { '.linux': [A] }, overrides: [], extensions: [] });
    expect(captured({ bootApplications: undefined }).firmwareApplications).toEqual([]);
    expect(captured({ secureBoot: undefined }).driverAuthorities).toEqual([]);
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
