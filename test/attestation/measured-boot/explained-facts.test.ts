import { describe, expect, test } from 'vitest';

import { sha256Hex } from '#core/digest.ts';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { type BootFacts, bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { CERT, COMMAND_LINE, fileDigest, GOOD_BOOT, imageDigest, verifiedBoot } from '#test/lab/boot-log.ts';
import { bootPolicy, GOOD_POLICY, type PolicyText } from '#test/lab/boot-policy.ts';

// What `muster policy explain` shows. The words are for people, and are pinned here because they are the whole of that command's answer.

const GOOD = bootFacts(verifiedBoot(GOOD_BOOT));
const [SHIM, GRUB, KERNEL] = ['shim', 'grub', 'kernel'].map((name) => imageDigest(name)) as [string, string, string];
const [DB, VENDOR] = [sha256Hex(CERT.db), sha256Hex(CERT.vendor)];
const INITRD = fileDigest('initrd');
const VMLINUZ = fileDigest('vmlinuz');
const OTHER = 'ab'.repeat(32);
const MOK_LIST = GOOD.mok?.kind === 'measured' ? GOOD.mok.listDigest : undefined;

/** Each fact as `fact: wanted | found`, with `!` where the demand is not met. */
const explain = (facts: BootFacts, policy: PolicyText): readonly string[] =>
  appraiseBoot(facts, bootPolicy(policy)).results.map(
    ({ fact, wanted, found, ok }) => `${ok ? '' : '!'}${fact}: ${wanted} | ${found}`,
  );

test('every demand is shown with what was wanted and what was found', () => {
  expect(explain(GOOD, GOOD_POLICY)).toEqual([
    'secure-boot: proven | proven',
    'driver-authorities: none | none',
    `authorities: ${DB}, ${VENDOR} | db ${DB}, Shim ${VENDOR}`,
    'dbx: at least these 1 digests | missing: none',
    'dbx-entries: at least 1 | 1',
    'revoked-images: none | none',
    'dma-protection: not reported as disabled | not reported as disabled',
    'sbat: 2025021800, shim 4, grub 5 | 2025021800, shim 4, grub 5',
    `mok: no machine owner keys | list empty (${MOK_LIST})`,
    'firmware-applications: none | none',
    `boot-applications: ${SHIM} then ${GRUB} | ${SHIM}, ${GRUB}, ${KERNEL}`,
    `kernel: ${KERNEL} | ${KERNEL}`,
    `command-line: ‘${COMMAND_LINE}’ | ‘${COMMAND_LINE}’`,
    'grub-commands: none but 2 known ones | unknown: none',
    'loader-files: known digests only | unknown: none',
    `initrd: ${INITRD} | ${INITRD}`,
    'exit-boot-services: logged | logged',
  ]);
});

/** The one line of `explain` that is about `fact`. */
const lineOf = (fact: string, policy: PolicyText, facts: Partial<BootFacts> = {}): string | undefined =>
  explain({ ...GOOD, ...facts }, policy).find((line) => line.replace('!', '').startsWith(`${fact}:`));

describe('what is wanted is said as the policy has it', () => {
  test.each<[string, PolicyText, string]>([
    ['boot-applications', { bootApplications: { anyOf: [SHIM, GRUB] } }, `${SHIM}, ${GRUB}`],
    ['boot-applications', { bootApplications: { stages: [[SHIM, OTHER], [GRUB]] } }, `${SHIM}, ${OTHER} then ${GRUB}`],
    ['mok', { mok: { known: [OTHER, OTHER] } }, 'one of 2 known lists'],
    ['command-line', { commandLines: {} }, 'none'],
    ['command-line', { commandLines: { exact: ['a', 'b'] } }, '‘a’, ‘b’'],
    ['command-line', { commandLines: { exact: ['a b'], tokens: ['ro', 'x'] } }, '‘a b’, words of: ro x'],
    [
      'command-line',
      { commandLines: { tokens: ['ro', 'x', 'y'], requiredTokens: ['x', 'y'] } },
      'words of: ro x y, with: x y',
    ],
    ['exit-boot-services', { exitBootServices: 'unlogged-allowed' }, 'logged or not-logged'],
    ['uki-sections', { uki: { sections: { '.linux': [], '.initrd': [] } } }, 'known contents of: .linux, .initrd'],
    ['uki-overrides', { uki: { sections: {}, overrides: [OTHER] } }, OTHER],
    ['uki-extensions', { uki: { sections: {}, extensions: [OTHER] } }, OTHER],
    [
      'authorities',
      { authorities: Array.from({ length: 8 }, () => OTHER) },
      Array.from({ length: 8 }, () => OTHER).join(', '),
    ],
    [
      'authorities',
      { authorities: Array.from({ length: 10 }, () => OTHER) },
      `${Array.from({ length: 8 }, () => OTHER).join(', ')} and 2 more`,
    ],
  ])('%s', (fact, policy, wanted) => {
    expect(
      lineOf(fact, policy)
        ?.replace(/^!?[a-z-]+: /, '')
        .split(' | ')[0],
    ).toBe(wanted);
  });

  test('and is cut where it would fill a screen', () => {
    const exactly = lineOf('command-line', { commandLines: { exact: ['x'.repeat(1_022)] } });
    expect(exactly).toBe(`!command-line: ‘${'x'.repeat(1_022)}’ | ‘${COMMAND_LINE}’`);
    const longer = lineOf('command-line', { commandLines: { exact: ['x'.repeat(1_023)] } });
    expect(longer).toBe(`!command-line: ‘${'x'.repeat(1_023)}… | ‘${COMMAND_LINE}’`);
  });
});

test('revoked images are looked for where Secure Boot is required, or a revocation list is named', () => {
  const line = (policy: PolicyText) => lineOf('revoked-images', policy);
  expect(line({})).toBe('revoked-images: none | none');
  expect(line({ secureBoot: 'not-required', dbxIncludes: [KERNEL] })).toBe(
    `!revoked-images: none | ${KERNEL}, ${KERNEL}`,
  );
  expect(line({ secureBoot: 'not-required' })).toBeUndefined();
});

const SECURE_BOOT = GOOD.secureBoot;
const GOOD_UKI = {
  image: { sections: [{ name: '.linux', digest: KERNEL }], otherEvents: 0, bootPhases: [] },
  commandLines: [],
  overrides: [],
  extensions: [],
};

describe('what is found is said as it was measured', () => {
  if (SECURE_BOOT === undefined) throw new Error('the lab’s boot proves PCR 7');
  const withSecureBoot = (change: Partial<typeof SECURE_BOOT>) => ({ secureBoot: { ...SECURE_BOOT, ...change } });
  const mok = {
    kind: 'measured',
    list: 'other',
    listDigest: OTHER,
    validationDisabled: false,
    measurements: [],
  } as const;
  const noLine = { grub: { commands: [], commandLines: [] }, uki: GOOD_UKI, loaderFiles: [] };

  test.each<[string, PolicyText, Partial<BootFacts>, string]>([
    [
      'secure-boot',
      {},
      withSecureBoot({ proven: false, doubts: ['PK is empty', 'db is empty'] }),
      '!PK is empty, db is empty',
    ],
    [
      'driver-authorities',
      {},
      withSecureBoot({
        driverAuthorities: [{ variable: 'x', guid: '', fingerprint: undefined, inDb: false, exact: true }],
      }),
      '!x without a fingerprint',
    ],
    ['dbx', { dbxIncludes: [OTHER, SHIM] }, {}, `!missing: ${OTHER}, ${SHIM}`],
    [
      'dbx-entries',
      { dbxMinimumEntries: 10 },
      withSecureBoot({
        dbx: { certificates: ['a'], imageDigests: ['b', 'b'], certificateDigests: ['c', 'c', 'c'], others: 4 },
      }),
      '10',
    ],
    [
      'dbx-entries',
      { dbxMinimumEntries: 11 },
      withSecureBoot({
        dbx: { certificates: ['a'], imageDigests: ['b', 'b'], certificateDigests: ['c', 'c', 'c'], others: 4 },
      }),
      '!10',
    ],
    [
      'revoked-images',
      {},
      withSecureBoot({ dbx: { certificates: [], imageDigests: [KERNEL], certificateDigests: [], others: 0 } }),
      `!${KERNEL}, ${KERNEL}`,
    ],
    ['dma-protection', {}, withSecureBoot({ dmaProtectionDisabled: true }), '!disabled'],
    ['sbat', { sbatAtLeast: { date: '2021030218' } }, withSecureBoot({ sbat: undefined }), '!not measured'],
    ['sbat', { sbatAtLeast: { date: '2021030218' } }, withSecureBoot({ sbat: 'unreadable' }), '!unreadable'],
    ['mok', { mok: 'empty' }, { mok: { kind: 'absent' } }, 'nothing of shim’s was measured'],
    ['mok', { mok: { known: [OTHER] } }, { mok: { kind: 'absent' } }, '!nothing of shim’s was measured'],
    ['mok', { mok: { known: [OTHER] } }, { mok }, `list other (${OTHER})`],
    ['mok', { mok: 'empty' }, { mok }, `!list other (${OTHER})`],
    ['mok', { mok: { known: [OTHER] } }, { mok: { ...mok, listDigest: undefined } }, '!list other (no digest)'],
    [
      'mok',
      { mok: { known: [OTHER] } },
      { mok: { ...mok, validationDisabled: true } },
      `!list other (${OTHER}), and shim may have been told not to verify`,
    ],
    ['kernel', { kernelDigests: [OTHER] }, {}, `!${KERNEL}`],
    ['kernel', { kernelDigests: [OTHER] }, { bootApplications: [] }, '!no image'],
    ['kernel', { kernelDigests: [VMLINUZ], initrdDigests: [INITRD] }, {}, VMLINUZ],
    ['kernel', { kernelDigests: [VMLINUZ], loaderFiles: [] }, {}, VMLINUZ],
    ['kernel', { kernelDigests: [VMLINUZ] }, {}, `!${KERNEL}`],
    ['boot-applications', { bootApplications: { stages: [] } }, { bootApplications: [] }, '!none'],
    ['boot-applications', { bootApplications: { anyOf: [] } }, { bootApplications: [] }, '!none'],
    ['command-line', { commandLines: { exact: ['x'] } }, noLine, '!none is proven'],
    [
      'command-line',
      { commandLines: { exact: [COMMAND_LINE] } },
      { grub: { commands: [], commandLines: [COMMAND_LINE, 'x'] } },
      `!‘${COMMAND_LINE}’, ‘x’`,
    ],
    ['grub-commands', { grubCommands: ['set timeout=0'] }, {}, `!unknown: linux ${COMMAND_LINE}`],
    [
      'loader-files',
      { loaderFiles: [] },
      { loaderFiles: GOOD.loaderFiles?.slice(0, 1) },
      `!unknown: ${fileDigest('grub.cfg')} (said to be /grub.cfg)`,
    ],
    ['initrd', { initrdDigests: [OTHER] }, {}, '!none of them'],
    ['exit-boot-services', {}, { exitBootServices: 'missing' }, '!missing'],
    ['exit-boot-services', {}, { exitBootServices: 'not-logged' }, '!not-logged'],
    ['exit-boot-services', { exitBootServices: 'unlogged-allowed' }, { exitBootServices: 'not-logged' }, 'not-logged'],
    ['exit-boot-services', { exitBootServices: 'unlogged-allowed' }, { exitBootServices: 'missing' }, '!missing'],
    [
      'uki-sections',
      { uki: { sections: { '.linux': [KERNEL], '.initrd': [OTHER] } } },
      {
        uki: { ...GOOD_UKI, image: { sections: [{ name: '.osrel', digest: OTHER }], otherEvents: 2, bootPhases: [] } },
      },
      `!unknown: .osrel ${OTHER}; missing: .linux, .initrd; other events: 2`,
    ],
    [
      'uki-sections',
      { uki: { sections: { '.linux': [KERNEL] } } },
      { uki: GOOD_UKI },
      'unknown: none; missing: none; other events: 0',
    ],
    ['uki-overrides', { uki: { sections: {} } }, { uki: { ...GOOD_UKI, overrides: [OTHER] } }, `!${OTHER}`],
    ['uki-extensions', { uki: { sections: {} } }, { uki: { ...GOOD_UKI, extensions: [OTHER] } }, `!${OTHER}`],
  ])('%s', (fact, policy, facts, found) => {
    const line = lineOf(fact, policy, facts);
    expect(`${line?.startsWith('!') === true ? '!' : ''}${line?.split(' | ')[1]}`).toBe(found);
  });

  const NOT_PROVEN = '!not proven: a PCR that would show it is not among the verified ones';
  test.each<[string, PolicyText, Partial<BootFacts>]>([
    ['secure-boot', {}, { secureBoot: undefined }],
    ['sbat', { sbatAtLeast: { date: '2021030218' } }, { secureBoot: undefined }],
    ['mok', { mok: 'empty' }, { mok: undefined }],
    ['boot-applications', { bootApplications: { anyOf: [] } }, { bootApplications: undefined }],
    ['kernel', { kernelDigests: [] }, { bootApplications: undefined }],
    ['command-line', { commandLines: {} }, { grub: undefined }],
    ['grub-commands', { grubCommands: [] }, { grub: undefined }],
    ['loader-files', { loaderFiles: [] }, { loaderFiles: undefined }],
    ['uki-sections', { uki: { sections: {} } }, { uki: { ...GOOD_UKI, image: undefined } }],
    ['uki-overrides', { uki: { sections: {} } }, { uki: { ...GOOD_UKI, overrides: undefined } }],
    ['uki-extensions', { uki: { sections: {} } }, { uki: { ...GOOD_UKI, extensions: undefined } }],
    ['exit-boot-services', {}, { exitBootServices: undefined }],
  ])('and what is not proven is never met: %s', (fact, policy, facts) => {
    const line = lineOf(fact, policy, facts);
    expect(`${line?.startsWith('!') === true ? '!' : ''}${line?.split(' | ')[1]}`).toBe(NOT_PROVEN);
  });
});
