/**
 * Microseconds of this thread's CPU that one call of `run` takes: the median over `rounds` rounds of `calls` calls each, after one round
 * to warm up. CPU and not time, so that other programs on the machine do not count.
 */
export function microsecondsPerCall(run: () => unknown, { rounds = 9, calls = 400 } = {}): number {
  const round = (): number => {
    const start = process.threadCpuUsage();
    for (let call = 0; call < calls; call += 1) run();
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / calls;
  };
  round();
  return median(Array.from({ length: rounds }, round));
}

/** The middle value; 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** One line of a report: a name, a figure and its unit, in columns. */
export const line = (name: string, value: number, unit: string): string =>
  `  ${name.padEnd(64)} ${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit}`;
