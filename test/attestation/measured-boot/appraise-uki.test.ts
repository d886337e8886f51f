import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { fileDigest, GOOD_BOOT, measured } from '#test/lab/boot-log.ts';
import { bootVerdict, type PolicyText } from '#test/lab/boot-policy.ts';
import type { BuiltEvent } from '#test/lab/event-log-builder.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;
const OTHER = 'ab'.repeat(32);

describe('a unified kernel image', () => {
  const section = (name: string, content: string) => [
    measured(11, T.ipl, Buffer.from(`${name}\0`, 'utf16le'), utf8(`${name}\0`)),
    measured(11, T.ipl, Buffer.from(`${name}\0`, 'utf16le'), utf8(content)),
  ];
  const LINE = 'root=/dev/vda1 ro';
  const loadOptions = measured(9, T.eventTag, utf8('x'), Buffer.from(`${LINE}\0`, 'utf16le'));
  const boot = (...more: readonly BuiltEvent[]): readonly BuiltEvent[] => {
    const rest = GOOD_BOOT.filter(({ pcr }) => pcr !== 8 && pcr !== 9);
    return rest.toSpliced(-2, 0, loadOptions, ...section('.linux', 'kernel'), ...section('.cmdline', LINE), ...more);
  };
  const sections = { '.linux': [fileDigest('kernel')], '.cmdline': [fileDigest(LINE)] };
  const policy: PolicyText = { uki: { sections }, commandLines: { exact: [LINE] }, loaderFiles: [] };

  test('is accepted by its sections, its own command line and the load options with it', () => {
    expect(bootVerdict(boot(), policy)).toBe('accepted');
  });

  const credential = measured(12, T.ipl, utf8('x'), utf8('credential'));
  const extension = measured(13, T.ipl, utf8('x'), utf8('extension'));
  test.each<[string, readonly BuiltEvent[], PolicyText, readonly string[] | 'accepted']>([
    ['another section', boot(...section('.initrd', 'x')), {}, ['uki-sections: uki-refused']],
    ['another event in PCR 11', boot(measured(11, T.ipl, utf8('x'))), {}, ['uki-sections: uki-refused']],
    [
      'another kernel',
      boot(),
      { uki: { sections: { ...sections, '.linux': [OTHER] } } },
      ['uki-sections: uki-refused'],
    ],
    [
      'a section that is missing',
      boot(),
      { uki: { sections: { ...sections, '.initrd': [OTHER] } } },
      ['uki-sections: uki-refused'],
    ],
    ['no known section', boot(), { uki: { sections: {} } }, ['uki-sections: uki-refused']],
    ['a credential', boot(credential), {}, ['uki-overrides: uki-refused']],
    ['a known credential', boot(credential), { uki: { sections, overrides: [fileDigest('credential')] } }, 'accepted'],
    ['an extension', boot(extension), {}, ['uki-extensions: uki-refused']],
    ['a known extension', boot(extension), { uki: { sections, extensions: [fileDigest('extension')] } }, 'accepted'],
    [
      'another command line of its own',
      boot(),
      { commandLines: { exact: ['ro'] } },
      ['command-line: command-line-refused', 'loader-files: loader-file-refused'],
    ],
    [
      'words for a line that is known by digest alone',
      boot(),
      { commandLines: { tokens: LINE.split(' ') } },
      ['command-line: command-line-refused', 'loader-files: loader-file-refused'],
    ],
    ['two command lines of its own', boot(...section('.cmdline', LINE)), {}, ['command-line: command-line-refused']],
  ])('with %s', (_what, events, change, expected) => {
    expect(bootVerdict(events, { ...policy, ...change })).toEqual(expected);
  });

  test('is none without sections, even if the policy has none', () => {
    expect(bootVerdict(GOOD_BOOT, { uki: { sections: {} } })).toEqual(['uki-sections: uki-refused']);
  });

  test('may have its command line end in a line feed', () => {
    const events = GOOD_BOOT.filter(({ pcr }) => pcr !== 8 && pcr !== 9).toSpliced(
      -2,
      0,
      ...section('.cmdline', `${LINE}\n`),
    );
    expect(bootVerdict(events, { commandLines: { exact: [LINE] } })).toBe('accepted');
  });

  test('or a kernel started by firmware has its command line in the first load options', () => {
    const rest = GOOD_BOOT.filter(({ pcr }) => pcr !== 8 && pcr !== 9);
    const first = (...events: readonly BuiltEvent[]) =>
      bootVerdict(rest.toSpliced(-2, 0, ...events), { commandLines: { exact: [LINE] } });
    expect(first(loadOptions)).toBe('accepted');
    expect(first(measured(9, T.eventTag, utf8('x'), utf8('other')), loadOptions)).toEqual([
      'command-line: command-line-refused',
    ]);
    expect(first()).toEqual(['command-line: command-line-refused']);
  });
});
