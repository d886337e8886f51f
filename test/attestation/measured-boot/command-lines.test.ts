import { describe, expect, test } from 'vitest';

import { concatBytes, toHex, utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { appraiseCommandLine, provenCommandLines } from '#attestation/measured-boot/appraise-command-line.ts';
import { type BootFacts, bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { loadOptionsDigests } from '#attestation/measured-boot/grub-facts.ts';
import { GOOD_BOOT, verifiedBoot } from '#test/lab/boot-log.ts';
import { bootPolicy, type PolicyText } from '#test/lab/boot-policy.ts';

const GOOD = bootFacts(verifiedBoot(GOOD_BOOT));
const NO_UKI = { image: undefined, commandLines: [], overrides: [], extensions: [] };

/** Whether a boot with these proven lines meets the demand. */
const accepts = (commandLines: PolicyText['commandLines'], lines: readonly string[], change: Partial<BootFacts> = {}) =>
  appraiseCommandLine(
    { ...GOOD, grub: { commands: [], commandLines: lines }, uki: NO_UKI, loaderFiles: [], ...change },
    bootPolicy({ commandLines }),
  ).every(({ ok }) => ok);

describe('a command line made of words', () => {
  const policy = { tokens: ['ro', 'quiet', 'ima=on', 'x'], requiredTokens: ['ro', 'ima=on'] };
  test.each([
    ['of those allowed', 'ro ima=on quiet', true],
    ['with words twice', 'ro ro ima=on', true],
    ['with several spaces between them', 'ro   ima=on', true],
    ['with tabs and a line feed', '\tro\tima=on\n', true],
    ['with spaces around it', ' ro ima=on ', true],
    ['with another word', 'ro ima=on init=/bin/sh', false],
    ['without the last of those required', 'ro quiet', false],
    ['without the first of those required', 'ima=on quiet', false],
    ['with a part of a word', 'ro ima=on qui', false],
    ['with words that another space joins', 'ro\u00a0ima=on', false],
    ['with words that a carriage return joins', 'ro\rima=on', false],
  ])('%s', (_what, line, ok) => {
    expect(accepts(policy, [line])).toBe(ok);
  });

  test.each(['', ' ', '\t\n'])('has at least one word', (line) => {
    expect(accepts({ tokens: ['ro'] }, [line])).toBe(false);
    expect(accepts({ tokens: ['ro'] }, ['ro'])).toBe(true);
  });
});

describe('exactly one command line is proven', () => {
  const policy = { exact: ['a', 'b'] };
  test.each([
    ['one that is allowed', ['a'], true],
    ['two that are', ['a', 'b'], false],
    ['the same twice', ['a', 'a'], false],
    ['none', [], false],
  ])('%s', (_what, lines, ok) => {
    expect(accepts(policy, lines)).toBe(ok);
  });

  test('a stub’s counts beside GRUB’s', () => {
    const stub = { uki: { ...NO_UKI, commandLines: ['b'] } };
    expect(accepts(policy, [], stub)).toBe(true);
    expect(accepts(policy, ['a'], stub)).toBe(false);
    expect(provenCommandLines({ ...GOOD, ...stub })).toEqual([...(GOOD.grub?.commandLines ?? []), 'b']);
    expect(provenCommandLines({ ...GOOD, ...stub, grub: undefined })).toBeUndefined();
    expect(provenCommandLines({ ...GOOD, uki: { ...NO_UKI, commandLines: undefined } })).toBeUndefined();
  });
});

describe('a command line that neither measured counts by its digest', () => {
  const policy = { exact: ['a'] };
  const section = (name: string, text: string) => ({
    name,
    digest: toHex(digest(GOOD.bank, concatBytes(utf8(text)))),
  });
  const ofImage = (...sections: readonly { name: string; digest: string }[]) => ({
    uki: { ...NO_UKI, image: { sections, otherEvents: 0, bootPhases: [] } },
  });
  test.each([
    ['as it is', 'a', true],
    ['with a line feed', 'a\n', true],
    ['with a NUL', 'a\0', true],
    ['with a space', 'a ', false],
    ['of other words', 'b', false],
  ])('in the image, %s', (_what, text, ok) => {
    expect(accepts(policy, [], ofImage(section('.cmdline', text)))).toBe(ok);
  });

  test('in the image, only once and in its own section', () => {
    expect(accepts(policy, [], ofImage(section('.cmdline', 'a'), section('.cmdline', 'a')))).toBe(false);
    expect(accepts(policy, [], ofImage(section('.osrel', 'a')))).toBe(false);
    expect(accepts(policy, [], ofImage(section('.osrel', 'x'), section('.cmdline', 'a')))).toBe(true);
  });

  test('in the load options, which are the first file of PCR 9, where the image has none', () => {
    const [options = ''] = loadOptionsDigests('a', GOOD.bank);
    const files = (...digests: readonly string[]) => ({
      loaderFiles: digests.map((value) => ({ digest: value, isKnownCommandLine: false, unverifiedName: '' })),
    });
    expect(accepts(policy, [], files(options))).toBe(true);
    expect(accepts(policy, [], files(options, 'ab'.repeat(32)))).toBe(true);
    expect(accepts(policy, [], files('ab'.repeat(32), options))).toBe(false);
    expect(accepts(policy, [], files())).toBe(false);
    expect(accepts(policy, [], { loaderFiles: undefined })).toBe(false);
    expect(accepts(policy, [], { ...files(options), ...ofImage(section('.cmdline', 'b')) })).toBe(false);
  });
});
