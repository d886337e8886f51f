import { describe, expect, test } from 'vitest';

import { imaLog } from '#test/lab/ima-log-builder.ts';
import {
  GOOD_LIST,
  imaAppraisal,
  imaInput,
  imaVerdict,
  pcr10After,
  quotedIma,
  SHELL,
  violation,
} from '#test/lab/ima-list.ts';

// A violation has a template hash of zeros, and the kernel extends ones for it, so that its data is bound to nothing.
describe('T46 a record shown as a violation', () => {
  const shownAsViolation = { ...SHELL, templateHash: new Uint8Array(20) };
  const quotedPcrs = quotedIma(pcr10After(GOOD_LIST));
  const shown = (at: number, record: typeof SHELL) =>
    imaVerdict(imaInput(GOOD_LIST, { log: imaLog(GOOD_LIST.with(at, record)), quotedPcrs }));

  test('as it is, is proven; as a violation it gives another PCR 10', () => {
    expect(shown(1, SHELL)).toBe('3 proven, 0 not');
    expect(shown(1, shownAsViolation)).toBe('ima-pcr-mismatch');
  });

  test('the other way round, too', () => {
    const path = '/bin/sh';
    const list = GOOD_LIST.with(1, violation(path));
    const shownGood = imaLog(GOOD_LIST);
    expect(imaVerdict(imaInput(list))).toBe('3 proven, 0 not');
    expect(imaVerdict(imaInput(list, { log: shownGood, quotedPcrs: quotedIma(pcr10After(list)) }))).toBe(
      'ima-pcr-mismatch',
    );
  });

  // What stands in a violation's record can be anything: here, a file that the policy knows.
  test('a real violation with a good record’s data is refused as a violation', () => {
    const list = GOOD_LIST.with(1, shownAsViolation);
    expect(imaVerdict(imaInput(list))).toBe('3 proven, 0 not');
    expect(imaAppraisal(list)).toEqual(['ima-violation']);
  });

  test('so is one that stands for the start of the list', () => {
    const [first = SHELL, ...rest] = GOOD_LIST;
    expect(imaVerdict(imaInput([{ ...first, templateHash: new Uint8Array(20) }, ...rest]))).toBe('ima-boot-aggregate');
  });
});
