import type { Connectivity } from '#core/node-record.ts';

/** After how much silence a node is what. `lateMs` is less than `lostMs`. */
export interface Silence {
  readonly lateMs: number;
  readonly lostMs: number;
}

/** What a node that was heard before is, `silentMs` after it was last heard. */
export function connectivityAfter(silentMs: number, { lateMs, lostMs }: Silence): Exclude<Connectivity, 'never-seen'> {
  if (silentMs >= lostMs) return 'lost';
  return silentMs >= lateMs ? 'late' : 'connected';
}

const ORDER: readonly Connectivity[] = ['never-seen', 'connected', 'late', 'lost'];

/** Whether silence has brought a node from `before` to `after`: silence alone never brings it back. */
export const isWorse = (after: Connectivity, before: Connectivity): boolean =>
  before !== 'never-seen' && ORDER.indexOf(after) > ORDER.indexOf(before);
