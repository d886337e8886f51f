import { describe, expect, test } from 'vitest';

import { bootLogInput, GOOD_BOOT, logCodes, logVerdict, quotedAfter } from '#test/lab/boot-log.ts';
import { type BuiltEvent, eventLog } from '#test/lab/event-log-builder.ts';

const quotedPcrs = quotedAfter(GOOD_BOOT);
const shown = (events: readonly BuiltEvent[]) => logVerdict(bootLogInput(events, { quotedPcrs }));

describe('T32 an event log that was cut, or lacks an event, or has them in another order', () => {
  test('as it is, is accepted', () => {
    expect(shown(GOOD_BOOT)).toBe('accepted');
  });

  test.each(GOOD_BOOT.map((event, at) => [at, event.pcr] as const))(
    'without event %d, of PCR %d, is refused',
    (at, pcr) => {
      expect(shown(GOOD_BOOT.toSpliced(at, 1))).toEqual([`event-log-replay-mismatch ${pcr}`]);
    },
  );

  test('with two events of one PCR the other way round is refused', () => {
    for (const pcr of [0, 4, 7, 8, 9, 14]) {
      const places = GOOD_BOOT.flatMap((event, at) => (event.pcr === pcr ? [at] : []));
      const [first = 0, second = 0] = places;
      const [a, b] = [GOOD_BOOT[first], GOOD_BOOT[second]];
      if (a === undefined || b === undefined) throw new Error('two events');
      expect(shown(GOOD_BOOT.with(first, b).with(second, a))).toEqual([`event-log-replay-mismatch ${pcr}`]);
    }
  });

  // Of two different PCRs it is no other log: a TPM does not keep the order of events across PCRs.
  test('with events of two PCRs the other way round says the same', () => {
    const [a, b] = [GOOD_BOOT[0], GOOD_BOOT[2]];
    if (a === undefined || b === undefined) throw new Error('two events');
    expect(shown([b, ...GOOD_BOOT.slice(1, 2), a, ...GOOD_BOOT.slice(3)])).not.toBe('accepted');
    expect(shown([...GOOD_BOOT.filter(({ pcr }) => pcr === 7), ...GOOD_BOOT.filter(({ pcr }) => pcr !== 7)])).toBe(
      'accepted',
    );
  });

  test('cut at any byte, is refused', () => {
    const log = eventLog(GOOD_BOOT, ['sha256', 'sha384']);
    const verdicts = new Set<string>();
    for (let length = 0; length < log.byteLength; length += 1) {
      const codes = logCodes(bootLogInput(GOOD_BOOT, { log: log.subarray(0, length), quotedPcrs }));
      for (const code of codes === 'accepted' ? [`accepted ${length}`] : codes) verdicts.add(code);
    }
    // The last two events may be missing in the log alone, and then it says so.
    const last = log.byteLength - eventLog(GOOD_BOOT.slice(-2), ['sha256', 'sha384']).byteLength;
    const header = eventLog([], ['sha256', 'sha384']).byteLength;
    expect([...verdicts].toSorted()).toEqual(
      [`accepted ${last + header}`, 'event-log-empty', 'event-log-malformed', 'event-log-replay-mismatch'].toSorted(),
    );
  });
});
