import { describe, expect, test } from 'vitest';

import { sha256Hex } from '#core/digest.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import {
  CERT,
  COMMAND_LINE,
  fileDigest,
  GOOD_BOOT,
  imageDigest,
  REVOKED_IMAGE,
  verifiedBoot,
} from '#test/lab/boot-log.ts';
import { bootVerdict, GOOD_POLICY, type PolicyText } from '#test/lab/boot-policy.ts';

const OTHER = 'ab'.repeat(32);
const changed = (change: PolicyText): PolicyText => ({ ...GOOD_POLICY, ...change });

describe('each demand refuses the good boot when the policy has something else', () => {
  test.each<[string, PolicyText, readonly string[]]>([
    ['another authority', { authorities: [OTHER] }, ['authorities: boot-authority-refused']],
    ['one authority of two', { authorities: [sha256Hex(CERT.db)] }, ['authorities: boot-authority-refused']],
    ['no authority', { authorities: [] }, ['authorities: boot-authority-refused']],
    ['a digest that dbx lacks', { dbxIncludes: [OTHER] }, ['dbx: dbx-outdated']],
    ['no digest for dbx', { dbxIncludes: [] }, ['dbx: dbx-outdated']],
    ['more entries in dbx', { dbxMinimumEntries: 2 }, ['dbx-entries: dbx-outdated']],
    ['a later SBAT date', { sbatAtLeast: { date: '2025021801' } }, ['sbat: sbat-outdated']],
    ['a later generation', { sbatAtLeast: { date: '2025021800', generations: { grub: 6 } } }, ['sbat: sbat-outdated']],
    [
      'a component without a level',
      { sbatAtLeast: { date: '2025021800', generations: { x: 1 } } },
      ['sbat: sbat-outdated'],
    ],
    ['another MOK list', { mok: { known: [OTHER] } }, ['mok: mok-refused']],
    ['no MOK list', { mok: { known: [] } }, ['mok: mok-refused']],
    [
      'another shim',
      { bootApplications: { stages: [[OTHER], [imageDigest('grub')]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'another order',
      { bootApplications: { stages: [[imageDigest('grub')], [imageDigest('shim')]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'a stage less',
      { bootApplications: { stages: [[imageDigest('shim')]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'a stage more',
      { bootApplications: { stages: [[imageDigest('shim')], [imageDigest('grub')], [OTHER]] } },
      ['boot-applications: boot-application-refused'],
    ],
    [
      'an empty stage',
      { bootApplications: { stages: [[imageDigest('shim')], []] } },
      ['boot-applications: boot-application-refused'],
    ],
    ['no stage', { bootApplications: { stages: [] } }, ['boot-applications: boot-application-refused']],
    [
      'two of three images',
      { bootApplications: { anyOf: [imageDigest('shim'), OTHER] } },
      ['boot-applications: boot-application-refused'],
    ],
    ['no image', { bootApplications: { anyOf: [] } }, ['boot-applications: boot-application-refused']],
    [
      'another kernel',
      {
        bootApplications: { anyOf: ['shim', 'grub', 'kernel'].map((name) => imageDigest(name)) },
        kernelDigests: [OTHER],
      },
      ['kernel: kernel-refused'],
    ],
    [
      'another command line',
      { commandLines: { exact: [`${COMMAND_LINE} quiet`] } },
      ['command-line: command-line-refused'],
    ],
    ['a part of the command line', { commandLines: { exact: ['/vmlinuz'] } }, ['command-line: command-line-refused']],
    ['no command line', { commandLines: {} }, ['command-line: command-line-refused']],
    [
      'some of the words',
      { commandLines: { tokens: COMMAND_LINE.split(' ').slice(1) } },
      ['command-line: command-line-refused'],
    ],
    [
      'a word that is required',
      { commandLines: { tokens: [...COMMAND_LINE.split(' '), 'ima=on'], requiredTokens: ['ima=on'] } },
      ['command-line: command-line-refused'],
    ],
    ['one command of two', { grubCommands: ['set timeout=0'] }, ['grub-commands: grub-command-refused']],
    ['no command', { grubCommands: [] }, ['grub-commands: grub-command-refused']],
    ['one file less', { loaderFiles: [fileDigest('grub.cfg')] }, ['loader-files: loader-file-refused']],
    [
      'another initial RAM disk',
      { initrdDigests: [OTHER] },
      ['loader-files: loader-file-refused', 'initrd: initrd-refused'],
    ],
    [
      'no initial RAM disk',
      { loaderFiles: ['grub.cfg', 'vmlinuz', 'initrd'].map((name) => fileDigest(name)), initrdDigests: [] },
      ['initrd: initrd-refused'],
    ],
    ['a unified kernel image', { uki: { sections: { '.linux': [OTHER] } } }, ['uki-sections: uki-refused']],
  ])('%s', (_what, change, expected) => {
    expect(bootVerdict(GOOD_BOOT, changed(change))).toEqual(expected);
  });

  test.each<[string, PolicyText]>([
    [
      'images in any order',
      { bootApplications: { anyOf: ['kernel', 'grub', 'shim'].map((name) => imageDigest(name)) } },
    ],
    [
      'the kernel among the kernels',
      { bootApplications: { anyOf: ['grub', 'shim'].map((name) => imageDigest(name)) } },
    ],
    [
      'the kernel among the stages',
      { bootApplications: { stages: ['shim', 'grub', 'kernel'].map((name) => [imageDigest(name), OTHER]) } },
    ],
    ['words in any order', { commandLines: { tokens: COMMAND_LINE.split(' ').toReversed(), requiredTokens: ['ro'] } }],
    ['the list of MOKs', { mok: { known: [bootMokDigest()] } }],
    ['certificates in dbx', { dbxIncludes: [Buffer.from(REVOKED_IMAGE).toString('hex')] }],
    ['an older SBAT level', { sbatAtLeast: { date: '2021030218', generations: { shim: 1 } } }],
    [
      'the kernel by its file',
      {
        bootApplications: { anyOf: ['shim', 'grub', 'kernel'].map((name) => imageDigest(name)) },
        kernelDigests: [fileDigest('vmlinuz')],
      },
    ],
  ])('but not %s', (_what, change) => {
    expect(bootVerdict(GOOD_BOOT, changed(change))).toBe('accepted');
  });
});

/** What PCR 14 has of MokList in the good boot. */
function bootMokDigest(): string {
  const { mok } = bootFacts(verifiedBoot(GOOD_BOOT));
  return (mok?.kind === 'measured' ? mok.listDigest : undefined) ?? '';
}
