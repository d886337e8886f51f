import { setTimeout as pause } from 'node:timers/promises';

import { type Fault, faultsOf, type Happened } from './faults.ts';
import { figuresOf, judge } from './judge.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import type { SoakOptions } from './options.ts';
import { readStore, rememberHeads } from './read-store.ts';
import { clock, faultRows, type SoakReport } from './report.ts';
import { openWorld } from './world.ts';

export interface SoakRun {
  readonly options: SoakOptions;
  readonly postgresPrograms: string;
  /** Ends the load before its time; what was done until then is judged. */
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
}

const MINUTE_MS = 60_000;
/** Everybody works before anything breaks. */
const CALM_MS = 5_000;
const PROGRESS_MS = 5_000;

/** Starts everything, breaks it in turn under load, lets every join end, and holds the store to what the agents were told. */
export async function runSoak({ options, postgresPrograms, stop, say }: SoakRun): Promise<SoakReport> {
  const { minutes, rate, replicas, disk } = options;
  await using world = await openWorld({ postgresPrograms, disk, rate, replicas, say });
  const ledger = new Ledger();
  const startMs = performance.now();
  const elapsedMs = (): number => performance.now() - startMs;
  const sayAt = (line: string): void => say(`${clock(elapsedMs() / 1_000).padStart(6)}  ${line}`);

  const over = AbortSignal.any([stop, AbortSignal.timeout(minutes * MINUTE_MS)]);
  await using load = new Load({ ...world, perSecond: rate, ledger, elapsedMs });
  using heads = rememberHeads(world.place);
  using progress = sayProgress(ledger, sayAt);
  const faults = faultsOf(world);
  const [, happened] = await Promise.all([load.run(over), breakThings(faults, { over, elapsedMs, sayAt })]);
  const loadMs = elapsedMs();
  sayAt('the load is over; waiting for the joins under way');
  await load.drained();
  progress[Symbol.dispose]();
  heads[Symbol.dispose]();
  const endMs = elapsedMs();

  sayAt('reading the store');
  const store = await readStore(world.place);
  const { joins, exchanges, turnedAway, joined } = ledger;
  const inTime = joins.filter(({ outcome, endedMs = endMs }) => outcome === 'joined' && endedMs < loadMs).length;
  const planned = faults.map(({ name }) => name);
  const evidence = { joins, exchanges, happened, planned, store, remembered: heads.heads };
  return {
    minutes: loadMs / MINUTE_MS,
    replicas,
    keyServer: world.keyServer.isReal ? 'real' : 'double',
    skipped: disk === undefined ? ['disk full'] : [],
    offeredPerSecond: rate,
    turnedAway,
    joins: joined,
    joinsPerSecond: inTime / (loadMs / 1_000),
    faults: faultRows(happened, joins, exchanges, loadMs),
    drainedSeconds: (endMs - loadMs) / 1_000,
    figures: figuresOf(evidence),
    findings: judge(evidence),
  };
}

interface Breaking {
  readonly over: AbortSignal;
  readonly elapsedMs: () => number;
  readonly sayAt: (line: string) => void;
}

/** Every fault once a minute, evenly spread; the last is mended before the load ends. */
async function breakThings(
  faults: readonly Fault[],
  { over, elapsedMs, sayAt }: Breaking,
): Promise<readonly Happened[]> {
  const happened: Happened[] = [];
  const everyMs = MINUTE_MS / faults.length;
  for (let count = 0; ; count += 1) {
    const dueMs = CALM_MS + count * everyMs;
    await pause(Math.max(0, dueMs - elapsedMs()), undefined, { signal: over }).catch(() => undefined);
    const fault: Fault | undefined = faults[count % faults.length];
    if (over.aborted || fault === undefined) return happened;
    sayAt(fault.name);
    const fromMs = elapsedMs();
    await fault.happen(Math.floor(count / faults.length));
    happened.push({ fault: fault.name, endsProcess: fault.endsProcess, fromMs, mendedMs: elapsedMs() });
    sayAt(`${fault.name}: mended`);
  }
}

/** A line every five seconds, until it is disposed of. */
function sayProgress(ledger: Ledger, sayAt: (line: string) => void): Disposable {
  let joinedBefore = 0;
  let heard = 0;
  const timer = setInterval(() => {
    const { joined, exchanges, inFlight } = ledger;
    const refused = exchanges.slice(heard).filter(({ kind }) => kind !== 'ok').length;
    const perSecond = ((joined - joinedBefore) * 1_000) / PROGRESS_MS;
    [joinedBefore, heard] = [joined, exchanges.length];
    sayAt(`${perSecond.toFixed(1).padStart(6)} joins/s, ${inFlight} under way, ${refused} told to come back`);
  }, PROGRESS_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
