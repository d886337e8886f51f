import type { Bytes } from '#core/bytes.ts';

import { FalseAcceptError, type FuzzTarget } from './fuzz-target.ts';
import { hostileInput } from './hostile-input.ts';
import { SeededNumbers, seedOf } from './seeded-numbers.ts';

/** An input that takes more of this thread's processor time is a hang. */
export const SLOWEST_MS = 50;

export type FuzzFault = 'crash' | 'false-accept' | 'slow';

/** An input that a parser did not stand. It can be made again from the run's seed, the target's name and `index`. */
export interface FuzzFinding {
  readonly fault: FuzzFault;
  readonly target: string;
  readonly index: number;
  readonly input: Bytes;
  readonly detail: string;
}

/** From here on the wall clock is not believed: the machine does other things too. */
const SUSPECT_MS = 5;

/** What came of one target's inputs. */
export interface TargetTally {
  readonly target: string;
  inputs: number;
  taken: number;
  refused: number;
  bytes: number;
  /** Milliseconds of the wall clock, all inputs together. */
  totalMs: number;
  /** Milliseconds that the slowest took whenever it was read: the least of the wall clock and, where that is suspect, of two more readings' processor time. */
  slowestMs: number;
  readonly findings: FuzzFinding[];
}

/** The input number `index` of `target` in the run with `seed`. */
export const inputOf = (target: FuzzTarget, seed: number, index: number): Bytes =>
  hostileInput(target, new SeededNumbers(seedOf(seed, target.name, index)));

export const newTally = (target: FuzzTarget): TargetTally => ({
  target: target.name,
  inputs: 0,
  taken: 0,
  refused: 0,
  bytes: 0,
  totalMs: 0,
  slowestMs: 0,
  findings: [],
});

/** Gives `target` its inputs from `first` to `end` - 1, and adds what came of them to `tally`. Throws nothing of the target's. */
export function fuzzTarget(target: FuzzTarget, tally: TargetTally, seed: number, first: number, end: number): void {
  for (let index = first; index < end; index += 1) {
    const input = inputOf(target, seed, index);
    const note = (fault: FuzzFault, detail: string): void => {
      tally.findings.push({ fault, target: target.name, index, input, detail });
    };
    const started = performance.now();
    const read = tryRead(target, input);
    const wallMs = performance.now() - started;
    const ms = wallMs > SUSPECT_MS ? Math.min(wallMs, cpuMs(target, input), cpuMs(target, input)) : wallMs;
    if (ms > SLOWEST_MS) note('slow', `${ms.toFixed(1)} ms`);
    if (typeof read !== 'string') note(read.fault, read.detail);
    if (read === 'taken') tally.taken += 1;
    if (read === 'refused') tally.refused += 1;
    tally.inputs += 1;
    tally.bytes += input.byteLength;
    tally.totalMs += wallMs;
    tally.slowestMs = Math.max(tally.slowestMs, ms);
  }
}

type Read = 'taken' | 'refused' | { readonly fault: FuzzFault; readonly detail: string };

function tryRead(target: FuzzTarget, input: Bytes): Read {
  try {
    return target.read(input) ? 'taken' : 'refused';
  } catch (error) {
    if (target.isOwnError(error)) return 'refused';
    const fault = error instanceof FalseAcceptError ? 'false-accept' : 'crash';
    return { fault, detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function cpuMs(target: FuzzTarget, input: Bytes): number {
  const before = process.threadCpuUsage();
  tryRead(target, input);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
