/** A server in processes of its own, and clients for it. */
export interface Load extends Measurable, AsyncDisposable {}

/** The same, which somebody else ends. */
export interface Measurable {
  /** CPU that the server has used so far, user and system, all its processes and threads. */
  readonly cpuMicroseconds: () => number;
  /** Does `units` units of work, `concurrency` at a time. Rejects when one fails. */
  run(units: number, concurrency: number): Promise<void>;
}

/** What one unit of work costs the server. */
export interface LoadCost {
  /** The server's, for each. */
  readonly cpuMicroseconds: number;
  /** With the clients on the same machine. */
  readonly perSecond: number;
}

/** Runs `units` units and counts what the server spends on each. */
export async function measureLoad(load: Measurable, units: number, concurrency: number): Promise<LoadCost> {
  const cpuBefore = load.cpuMicroseconds();
  const start = performance.now();
  await load.run(units, concurrency);
  const seconds = (performance.now() - start) / 1_000;
  return { cpuMicroseconds: (load.cpuMicroseconds() - cpuBefore) / units, perSecond: units / seconds };
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
