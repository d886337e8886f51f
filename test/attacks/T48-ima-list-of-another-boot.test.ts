import { describe, expect, test } from 'vitest';

import { imaNg } from '#test/lab/ima-log-builder.ts';
import {
  bootAggregate,
  BOOT_PCRS,
  GOOD_LIST,
  imaInput,
  imaVerdict,
  pcr10After,
  quotedIma,
  RESET_COUNT,
  verifiedIma,
} from '#test/lab/ima-list.ts';

describe('T48 an IMA list of the previous boot with a new quote', () => {
  const previous = verifiedIma(imaInput(GOOD_LIST)).state;
  const resetCount = RESET_COUNT + 1;
  const more = imaNg('/bin/more', new Uint8Array(32).fill(1));
  const goOn = (change: object) =>
    imaVerdict(
      imaInput([more], {
        firstRecord: previous.records,
        previous,
        quotedPcrs: quotedIma(pcr10After([...GOOD_LIST, more])),
        ...change,
      }),
    );

  test('going on in the same boot is accepted', () => {
    expect(goOn({})).toBe('1 proven, 0 not');
  });

  test('going on after a reset is refused, whatever PCR 10 is', () => {
    expect(goOn({ resetCount })).toBe('ima-epoch');
    expect(goOn({ resetCount, quotedPcrs: quotedIma(pcr10After([more])) })).toBe('ima-epoch');
    expect(goOn({ resetCount, quotedPcrs: quotedIma(previous.pcr10) })).toBe('ima-epoch');
    expect(goOn({ resetCount: RESET_COUNT - 1 })).toBe('ima-epoch');
  });

  test('the old list whole does not give the new PCR 10', () => {
    const quotedPcrs = quotedIma(pcr10After([bootAggregate(), more]));
    expect(imaVerdict(imaInput(GOOD_LIST, { previous, resetCount, quotedPcrs }))).toBe('ima-pcr-mismatch');
  });

  test('the old list extended anew by the running system does not aggregate the new boot', () => {
    const rebooted = new Map([...BOOT_PCRS, [4, '44'.repeat(32)], [10, pcr10After(GOOD_LIST)]] as const);
    expect(imaVerdict(imaInput(GOOD_LIST, { previous, resetCount, quotedPcrs: rebooted }))).toBe('ima-boot-aggregate');
  });

  test('a new list from its start is accepted', () => {
    expect(imaVerdict(imaInput(GOOD_LIST, { previous, resetCount }))).toBe('3 proven, 0 not');
  });
});
