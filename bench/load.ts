import { cpuMicrosecondsOf } from './process-cpu.ts';

/** A server in a process of its own, and clients for it. */
export interface Load extends AsyncDisposable {
  readonly pid: () => number;
  /** Does `units` units of work, `concurrency` at a time. Rejects when one fails. */
  run(units: number, concurrency: number): Promise<void>;
}

/** What one unit of work costs the server. */
export interface LoadCost {
  /** CPU of the server's process, user and system, all its threads. */
  readonly cpuMicroseconds: number;
  /** With the clients on the same machine. */
  readonly perSecond: number;
}

/** Runs `units` units and counts what the server spends on each. */
export async function measureLoad(load: Load, units: number, concurrency: number): Promise<LoadCost> {
  const cpuBefore = cpuMicrosecondsOf(load.pid());
  const start = performance.now();
  await load.run(units, concurrency);
  const seconds = (performance.now() - start) / 1_000;
  return { cpuMicroseconds: (cpuMicrosecondsOf(load.pid()) - cpuBefore) / units, perSecond: units / seconds };
}

/** Calls `one` `units` times, `concurrency` at a time, with the numbers from 0 on. */
export async function runTogether(
  units: number,
  concurrency: number,
  one: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < units) {
      const index = next;
      next += 1;
      await one(index);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
