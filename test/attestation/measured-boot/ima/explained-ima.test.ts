import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { appraiseIma } from '#attestation/measured-boot/ima/appraise-ima.ts';
import { verifyIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import { imaNg } from '#test/lab/ima-log-builder.ts';
import {
  bootAggregate,
  BOOT_PCRS,
  GOOD_IMA_POLICY,
  GOOD_LIST,
  hexOf,
  imaInput,
  imaPolicy,
  type ImaPolicyText,
  KUBELET,
  pcr10After,
  quotedIma,
  RESET_COUNT,
  SHELL,
  verifiedIma,
} from '#test/lab/ima-list.ts';

// What `muster policy explain` and the audit log say of an IMA list: all that an administrator has to go on.

const MORE = imaNg('/bin/more', digest('sha256', utf8('more')));
const EXTRA = imaNg('/bin/extra', digest('sha256', utf8('extra')));

describe('each demand on a list is shown with what was wanted and what was found', () => {
  const explain = (
    records: readonly ReturnType<typeof imaNg>[],
    text: ImaPolicyText = GOOD_IMA_POLICY,
    change: { commandLines?: readonly string[]; acceptedBefore?: boolean } = {},
    before: Parameters<typeof imaInput>[1] = {},
  ) =>
    appraiseIma({
      ima: verifiedIma(imaInput(records, before)),
      policy: imaPolicy(text),
      commandLines: ['/vmlinuz ro ima_policy=tcb'],
      acceptedBefore: false,
      ...change,
    }).results.map(({ fact, wanted, found, ok, pcr }) => `${ok ? '' : '!'}${fact} ${pcr}: ${wanted} | ${found}`);

  test('of the good list', () => {
    expect(explain(GOOD_LIST)).toEqual([
      'ima-measurement-policy undefined: command line with: ima_policy=tcb; or one of: none | the command line has it',
      'ima-violations 10: known ones only | refused: none',
      'ima-keyrings 10: known ones only | refused: none',
      'ima-buffers 10: known ones only | refused: none',
      'ima-files 10: known ones only | refused: none',
    ]);
  });

  test('of records that are refused, with their digests and numbers', () => {
    const nameless = { template: 'n-ng|sig', fields: [utf8('/x\0'), new Uint8Array()] };
    expect(explain([...GOOD_LIST, MORE, nameless]).at(-1)).toBe(
      `!ima-files 10: known ones only | refused: /bin/more sha256:${hexOf('more')} (record 3), /x without a digest (record 4)`,
    );
  });

  const measured = { commandLineTokens: ['ima_policy=tcb', 'ro'], files: { '/etc/ima': [`sha256:${hexOf('ima')}`] } };
  const POLICY: ImaPolicyText = { ...GOOD_IMA_POLICY, measurementPolicy: measured };
  const WANTED = 'ima-measurement-policy undefined: command line with: ima_policy=tcb, ro; or one of: /etc/ima';
  const IMA_FILE = imaNg('/etc/ima', digest('sha256', utf8('ima')));

  test.each<[string, readonly string[] | undefined, string]>([
    ['the words in it', ['x ro ima_policy=tcb'], `${WANTED} | the command line has it`],
    ['the words with tabs', ['ro\tima_policy=tcb'], `${WANTED} | the command line has it`],
    ['one of the words', ['x ro'], `!${WANTED} | neither`],
    ['two lines', ['ro ima_policy=tcb', 'ro ima_policy=tcb'], `!${WANTED} | neither`],
    ['no line', [], `!${WANTED} | neither`],
    ['nothing proven', undefined, `!${WANTED} | neither`],
  ])('of what the kernel measures, by its command line: %s', (_what, commandLines, expected) => {
    expect(explain(GOOD_LIST, POLICY, { commandLines: commandLines ?? [] })[0]).toBe(expected);
  });

  test('of what the kernel measures, by the policy file that it loaded', () => {
    expect(explain([...GOOD_LIST, IMA_FILE], POLICY, { commandLines: [] })[0]).toBe(`${WANTED} | /etc/ima`);
    const other = imaNg('/etc/ima2', digest('sha256', utf8('ima')));
    expect(explain([...GOOD_LIST, other], POLICY, { commandLines: [] })[0]).toBe(`!${WANTED} | neither`);
    const withoutDigest = { template: 'n-ng|sig', fields: [utf8('/etc/ima\0'), new Uint8Array()] };
    expect(explain([...GOOD_LIST, withoutDigest], POLICY, { commandLines: [] })[0]).toBe(`!${WANTED} | neither`);
  });

  test('of what the kernel measures, by evidence that this policy accepted before', () => {
    const previous = verifiedIma(imaInput(GOOD_LIST)).state;
    const known = (acceptedBefore: boolean) =>
      explain([...GOOD_LIST, MORE], POLICY, { commandLines: [], acceptedBefore }, { previous })[0];
    expect(known(true)).toBe(`${WANTED} | known from earlier evidence`);
    expect(known(false)).toBe(`!${WANTED} | neither`);
    expect(explain(GOOD_LIST, POLICY, { commandLines: [], acceptedBefore: true })[0]).toBe(`!${WANTED} | neither`);
  });

  test('of no words at all, which no command line has', () => {
    const nothing: ImaPolicyText = { ...POLICY, measurementPolicy: { ...measured, commandLineTokens: [] } };
    expect(explain(GOOD_LIST, nothing)[0]).toMatch(/^!.*\| neither$/);
  });
});

describe('a list that is refused says what was expected and found', () => {
  const refused = (input: Parameters<typeof verifyIma>[0]) => {
    const outcome = verifyIma(input);
    return outcome.ok ? 'accepted' : outcome.denials.map(({ code, expected, found }) => ({ code, expected, found }));
  };
  const before = verifiedIma(imaInput(GOOD_LIST)).state;

  test('by its boot_aggregate', () => {
    const wrong = bootAggregate(BOOT_PCRS, 8);
    const right = verifiedIma(imaInput(GOOD_LIST)).records[0]?.fields.digest?.digest ?? new Uint8Array();
    expect(refused(imaInput([wrong, SHELL]))).toEqual([
      {
        code: 'ima-boot-aggregate',
        expected: `sha256:${Buffer.from(right).toString('hex')}`,
        found: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      },
    ]);
    const without = { template: 'n-ng|sig', fields: [utf8('boot_aggregate\0'), new Uint8Array()] };
    expect(refused(imaInput([without, SHELL]))).toMatchObject([{ code: 'ima-boot-aggregate', found: 'none' }]);
  });

  test('by where it starts', () => {
    const [code, found] = ['ima-epoch', `record 2 of reset ${RESET_COUNT}`];
    expect(refused(imaInput([MORE], { firstRecord: 2 }))).toEqual([{ code, expected: 'record 0', found }]);
    const expected = `record 3 of reset ${RESET_COUNT}, or record 0`;
    expect(refused(imaInput([MORE], { firstRecord: 2, previous: before }))).toEqual([{ code, expected, found }]);
  });

  test('by records that are gone or were changed', () => {
    expect(refused(imaInput([bootAggregate(), KUBELET, SHELL, MORE], { previous: before }))).toEqual([
      {
        code: 'ima-epoch',
        expected: `first the 3 records that were proven before, of reset ${RESET_COUNT}`,
        found: 'fewer, or others',
      },
    ]);
  });

  test('by records that stayed unproven, or are others', () => {
    const { state: previous } = verifiedIma(
      imaInput([...GOOD_LIST, MORE, EXTRA], { quotedPcrs: quotedIma(pcr10After(GOOD_LIST)) }),
    );
    const [code, expected] = ['ima-tail-not-covered', '5 records proven, with those that were not last time'];
    expect(refused(imaInput([...GOOD_LIST, MORE], { previous }))).toEqual([
      { code, expected, found: '4 records proven' },
    ]);
    expect(refused(imaInput([...GOOD_LIST, EXTRA, MORE], { previous }))).toEqual([
      { code, expected, found: 'other records in their place' },
    ]);
  });

  test('by its form, with the fault', () => {
    expect(refused(imaInput(GOOD_LIST, { log: utf8('x') }))).toMatchObject([
      { code: 'ima-log-malformed', found: 'truncated' },
    ]);
  });
});
