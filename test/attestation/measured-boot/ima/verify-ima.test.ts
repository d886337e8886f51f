import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex } from '#core/bytes.ts';
import { verifyImaInSteps } from '#attestation/measured-boot/ima/verify-ima.ts';
import { imaLog, imaNg } from '#test/lab/ima-log-builder.ts';
import {
  bootAggregate,
  BOOT_PCRS,
  GOOD_LIST,
  imaInput,
  imaVerdict,
  KUBELET,
  pcr10After,
  quotedIma,
  RESET_COUNT,
  SHELL,
  verifiedIma,
  violation,
} from '#test/lab/ima-list.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';

const MORE = imaNg('/bin/more', new Uint8Array(32).fill(1));
const EXTRA = imaNg('/bin/extra', new Uint8Array(32).fill(2));

describe('a list from the boot on', () => {
  test('offers to stop while it reads and while it replays, every 64 records', () => {
    const files = Array.from({ length: 639 }, (_, at) =>
      imaNg(`/usr/lib/library-${at}.so`, new Uint8Array(32).fill(at)),
    );
    const steps = verifyImaInSteps(imaInput([bootAggregate(), ...files]));
    let stops = 0;
    for (let step = steps.next(); step.done !== true; step = steps.next()) stops += 1;
    expect(stops).toBe(20);
  });

  test('is proven by the quoted PCR 10', () => {
    const { records, unproven, firstRecord, state } = verifiedIma(imaInput(GOOD_LIST));
    expect([records.length, unproven, firstRecord]).toEqual([3, 0, 0]);
    expect(state).toMatchObject({ resetCount: RESET_COUNT, bank: 'sha256', records: 3, pcr10: pcr10After(GOOD_LIST) });
  });

  test('is proven in the policy’s bank', () => {
    const quotedPcrs = new Map([...quotedIma(''), [10, pcr10After(GOOD_LIST, undefined, 'sha384')]]);
    expect(imaVerdict(imaInput(GOOD_LIST, { bank: 'sha384', quotedPcrs }))).toBe('ima-boot-aggregate');
    expect(imaVerdict(imaInput(GOOD_LIST, { quotedPcrs }))).toBe('ima-pcr-mismatch');
  });

  test.each([
    ['malformed', { log: fromHex('0a') }, 'ima-log-malformed'],
    ['of another boot', { quotedPcrs: quotedIma('11'.repeat(32)) }, 'ima-pcr-mismatch'],
    [
      'without a quoted PCR 10',
      { quotedPcrs: new Map([...BOOT_PCRS].filter(([pcr]) => pcr !== 10)) },
      'ima-pcr-mismatch',
    ],
    [
      'of nothing, where nothing was measured',
      { log: new Uint8Array(), quotedPcrs: quotedIma('00'.repeat(32)) },
      'ima-log-empty',
    ],
    ['of which nothing is proven', { quotedPcrs: quotedIma('00'.repeat(32)) }, 'ima-log-empty'],
    ['of nothing, where something was measured', { log: new Uint8Array() }, 'ima-pcr-mismatch'],
    ['that starts later', { firstRecord: 1 }, 'ima-epoch'],
    ['in a file of another hash', { listHash: 'sha256' }, 'ima-log-malformed'],
  ] as const)('%s', (_what, change, expected) => {
    expect(imaVerdict(imaInput(GOOD_LIST, change))).toBe(expected);
  });

  test('gives no trust to what the quote does not cover', () => {
    const { records, unproven, state } = verifiedIma(
      imaInput([...GOOD_LIST, MORE, EXTRA], { quotedPcrs: quotedIma(pcr10After(GOOD_LIST)) }),
    );
    expect([records.length, unproven, state.records, state.tail.records]).toEqual([3, 2, 3, 2]);
  });
});

describe('the first record', () => {
  const pcrs = (change: (pcrs: Map<number, string>) => void) => {
    const quoted = new Map(quotedIma(pcr10After(GOOD_LIST)));
    change(quoted);
    return { quotedPcrs: quoted };
  };

  test.each([
    ['aggregates PCRs 0 to 9', GOOD_LIST, '3 proven, 0 not'],
    ['does not aggregate PCRs 0 to 7', [bootAggregate(BOOT_PCRS, 7), SHELL], 'ima-boot-aggregate'],
    ['is no other', [SHELL, ...GOOD_LIST], 'ima-boot-aggregate'],
    ['is no violation', [violation('boot_aggregate'), SHELL], 'ima-boot-aggregate'],
    ['may come again after kexec', [...GOOD_LIST, bootAggregate(), SHELL], '5 proven, 0 not'],
    ['does not come again with another value', [...GOOD_LIST, bootAggregate(BOOT_PCRS, 8)], 'ima-boot-aggregate'],
    ['is in the bank’s hash', [bootAggregate(BOOT_PCRS, 9, 'sha512'), SHELL], 'ima-boot-aggregate'],
  ] as const)('%s', (_what, records, expected) => {
    expect(imaVerdict(imaInput(records))).toBe(expected);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('needs PCR %d in the quote, with its value', (pcr) => {
    expect(
      imaVerdict(
        imaInput(
          GOOD_LIST,
          pcrs((quoted) => quoted.delete(pcr)),
        ),
      ),
    ).toBe('ima-boot-aggregate');
    expect(
      imaVerdict(
        imaInput(
          GOOD_LIST,
          pcrs((quoted) => quoted.set(pcr, '11'.repeat(32))),
        ),
      ),
    ).toBe('ima-boot-aggregate');
  });

  test('aggregates PCRs 0 to 7 in SHA-1', () => {
    const sha1 = new Map(Array.from({ length: 10 }, (_, pcr): [number, string] => [pcr, `${pcr}0`.repeat(20)]));
    const list = [bootAggregate(sha1, 7, 'sha1'), SHELL];
    const quotedPcrs = new Map([...sha1, [10, pcr10After(list, undefined, 'sha1')]]);
    expect(imaVerdict(imaInput(list, { bank: 'sha1', quotedPcrs }))).toBe('2 proven, 0 not');
  });
});

describe('a list that goes on', () => {
  const before = verifiedIma(imaInput(GOOD_LIST)).state;
  const later = [...GOOD_LIST, MORE];
  const goOn = (change: object = {}) =>
    imaInput([MORE], { firstRecord: 3, previous: before, quotedPcrs: quotedIma(pcr10After(later)), ...change });

  test('starts where evidence of the same boot ended', () => {
    const { records, firstRecord, state } = verifiedIma(goOn());
    expect([records.length, firstRecord, state.records, state.pcr10]).toEqual([1, 3, 4, pcr10After(later)]);
  });

  test('may be as it was', () => {
    expect(imaVerdict(goOn({ log: new Uint8Array(), quotedPcrs: quotedIma(before.pcr10) }))).toBe('0 proven, 0 not');
  });

  test('or may be sent whole', () => {
    expect(imaVerdict(imaInput(later, { previous: before }))).toBe('4 proven, 0 not');
  });

  test('of a later boot starts anew', () => {
    const resetCount = RESET_COUNT + 1;
    expect(imaVerdict(imaInput(GOOD_LIST, { previous: before, resetCount }))).toBe('3 proven, 0 not');
    expect(imaVerdict(goOn({ resetCount }))).toBe('ima-epoch');
  });

  test.each([
    ['another place', { firstRecord: 2 }, 'ima-epoch'],
    ['another place, later', { firstRecord: 4 }, 'ima-epoch'],
    ['nothing before it', { previous: undefined }, 'ima-epoch'],
    ['evidence in another bank', { previous: { ...before, bank: 'sha384' as const } }, 'ima-epoch'],
    ['an earlier boot', { previous: { ...before, resetCount: RESET_COUNT - 1 } }, 'ima-epoch'],
    ['another PCR 10', { previous: { ...before, pcr10: '11'.repeat(32) } }, 'ima-pcr-mismatch'],
  ])('does not go on from %s', (_what, change, expected) => {
    expect(imaVerdict(goOn(change))).toBe(expected);
  });

  test('does not go back', () => {
    expect(imaVerdict(imaInput(GOOD_LIST.slice(0, 2), { previous: before }))).toBe('ima-epoch');
  });

  test('sent whole, has the records that were proven before, unchanged', () => {
    const other = [bootAggregate(), KUBELET, SHELL, ...later.slice(3)];
    expect(imaVerdict(imaInput(other, { previous: before }))).toBe('ima-epoch');
    const { provenBefore, records, firstRecord } = verifiedIma(imaInput(later, { previous: before }));
    expect([provenBefore, records.length, firstRecord]).toEqual([3, 4, 0]);
  });

  test('does not have another boot_aggregate than the quote', () => {
    const other = bootAggregate(BOOT_PCRS, 8);
    const quotedPcrs = quotedIma(pcr10After([...GOOD_LIST, other]));
    expect(imaVerdict(goOn({ log: imaLog([other]), quotedPcrs }))).toBe('ima-boot-aggregate');
  });
});

describe('records that were not proven', () => {
  const { state: previous } = verifiedIma(
    imaInput([...GOOD_LIST, MORE, EXTRA], { quotedPcrs: quotedIma(pcr10After(GOOD_LIST)) }),
  );
  const next = (records: readonly (typeof MORE)[], proven = records) =>
    imaVerdict(
      imaInput(records, {
        firstRecord: 3,
        previous,
        quotedPcrs: quotedIma(pcr10After([...GOOD_LIST, ...proven])),
      }),
    );

  test('have to be proven next time, as they were', () => {
    expect(next([MORE, EXTRA])).toBe('2 proven, 0 not');
    expect(next([MORE, EXTRA, KUBELET])).toBe('3 proven, 0 not');
    const whole = [...GOOD_LIST, MORE, EXTRA];
    expect(imaVerdict(imaInput(whole, { previous }))).toBe('5 proven, 0 not');
  });

  test.each([
    ['all', []],
    ['one of them', [MORE]],
    ['their order', [EXTRA, MORE]],
    ['what one of them was', [MORE, KUBELET]],
  ])('may not lose %s', (_what, records) => {
    expect(next(records)).toBe('ima-tail-not-covered');
    expect(imaVerdict(imaInput([...GOOD_LIST, ...records], { previous }))).toBe('ima-tail-not-covered');
  });

  test('may not stay unproven', () => {
    expect(next([MORE, EXTRA], [MORE])).toBe('ima-tail-not-covered');
  });

  test('are forgotten with a reset', () => {
    expect(imaVerdict(imaInput(GOOD_LIST, { previous, resetCount: RESET_COUNT + 1 }))).toBe('3 proven, 0 not');
  });
});

describe('generated lists', () => {
  const EXPECTED = vectorJson<{
    pcr10: Record<string, string>;
    boot_aggregate_pcrs_0_9_sha256: readonly string[];
  }>('generated-ima/expected.json');
  const pcrs = EXPECTED.boot_aggregate_pcrs_0_9_sha256.map((value, pcr): [number, string] => [pcr, value]);
  const quotedPcrs = new Map([...pcrs, [10, EXPECTED.pcr10['sha256'] ?? '']]);

  test.each([
    ['ok.bin', '8 proven, 0 not'],
    ['tampered-entry.bin', 'ima-pcr-mismatch'],
    ['truncated-tail.bin', 'ima-log-malformed'],
    ['extra-tail-entry.bin', '8 proven, 1 not'],
    ['huge-name-len.bin', 'ima-log-malformed'],
  ])('%s: %s', (file, expected) => {
    expect(imaVerdict(imaInput([], { log: vectorBytes(`generated-ima/${file}`), quotedPcrs }))).toBe(expected);
  });

  test('of a kernel that pads SHA-1 are refused', () => {
    const padded = new Map([...pcrs, [10, EXPECTED.pcr10['sha256_padded_sha1'] ?? '']]);
    const log = vectorBytes('generated-ima/ok.bin');
    expect(imaVerdict(imaInput([], { log, quotedPcrs: padded }))).toBe('ima-pcr-mismatch');
  });
});

test.each(['good', 'kernel-shortcut'])('the list of a virtual machine is proven: %s', (name) => {
  const { sha256 } = vectorJson<{ sha256: Record<string, string> }>(`ovmf-debian12/${name}.pcrs.json`);
  const quotedPcrs = new Map(Object.entries(sha256).map(([pcr, value]) => [Number(pcr), value]));
  expect(imaVerdict(imaInput([], { log: vectorBytes(`ovmf-debian12/${name}.ima`), quotedPcrs }))).toBe(
    '1 proven, 0 not',
  );
});

test('a list with a record of the legacy template is malformed', () => {
  expect(imaVerdict(imaInput([], { log: vectorBytes('ibmtss/imatest.log') }))).toBe('ima-log-malformed');
  expect(imaVerdict(imaInput([], { log: concatBytes(imaLog(GOOD_LIST), Buffer.of(0)) }))).toBe('ima-log-malformed');
});
