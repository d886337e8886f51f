import type { BootEpoch } from '#core/node-record.ts';

import type { Advisory, Denial } from './result.ts';

/** What the last accepted join saw, and when; and what this one sees. */
export interface EpochComparison {
  readonly last: BootEpoch;
  readonly lastAt: Date | undefined;
  readonly current: BootEpoch;
  readonly now: Date;
}

/**
 * Nothing if `current` is later than `last` on the same TPM. The counts (TPM Reset, then TPM Restart or Resume) decide first. The clock decides
 * only while both stand, where it must have advanced: after a power loss a TPM's clock may be minutes behind itself, and that is no attack,
 * because the reset has raised resetCount. What goes back is a TPM's state that was copied (a virtual machine's snapshot or clone),
 * another TPM, or one that was cleared; or an old quote.
 */
export function checkBootEpoch({ last, current }: EpochComparison): Denial | undefined {
  if (compareCounts(current, last) > 0) return undefined;
  if (compareCounts(current, last) === 0 && current.clockMs > last.clockMs) return undefined;
  return {
    code: 'boot-epoch-rolled-back',
    expected: `later than ${render(last)}`,
    found: render(current),
    detail:
      'state of this TPM was put back, copied or cleared; if its owner cleared it, retire the node and enrol it again',
  };
}

/** A TPM's clock may run a third fast or slow (TPM 2.0 Part 1, clock rate), and quotes wait on the way. */
const RATE_TOLERANCE = 0.35;
const TOLERANCE_MS = 600_000;

/** What a comparison that refuses nobody still shows to a person. */
export function epochAdvisories({ last, lastAt, current, now }: EpochComparison): readonly Advisory[] {
  const advisories: Advisory[] = [];
  const resets = current.resetCount - last.resetCount;
  if (resets > 1) {
    const detail = `the TPM was reset ${resets} times since the last join, and no join followed the resets between`;
    advisories.push({ code: 'reset-count-jumped', detail });
  }
  if (lastAt !== undefined && compareCounts(current, last) === 0) {
    const passed = now.getTime() - lastAt.getTime();
    const ticked = Number(current.clockMs - last.clockMs);
    if (Math.abs(ticked - passed) > passed * RATE_TOLERANCE + TOLERANCE_MS) {
      const detail = `the TPM's clock advanced ${ticked} ms in ${passed} ms: the machine stood still, or is not the only one of its kind`;
      advisories.push({ code: 'clock-diverged', detail });
    }
  }
  return advisories;
}

/** Lexicographic over (resetCount, restartCount): negative if `a` is before `b`. */
const compareCounts = (a: BootEpoch, b: BootEpoch): number =>
  a.resetCount - b.resetCount || a.restartCount - b.restartCount;

const render = ({ resetCount, restartCount, clockMs }: BootEpoch): string =>
  `reset ${resetCount}, restart ${restartCount}, clock ${clockMs} ms`;
