/** Microseconds that one call of `run` takes: the median over `rounds` rounds of `calls` calls each, after one round to warm up. */
export function microsecondsPerCall(run: () => unknown, { rounds = 9, calls = 400 } = {}): number {
  const round = (): number => {
    const start = process.hrtime.bigint();
    for (let call = 0; call < calls; call += 1) run();
    return Number(process.hrtime.bigint() - start) / 1_000 / calls;
  };
  round();
  return median(Array.from({ length: rounds }, round));
}

/** The same for an asynchronous call, one at a time. */
export async function microsecondsPerAsyncCall(
  run: () => Promise<unknown>,
  { rounds = 9, calls = 200 } = {},
): Promise<number> {
  const round = async (): Promise<number> => {
    const start = process.hrtime.bigint();
    for (let call = 0; call < calls; call += 1) await run();
    return Number(process.hrtime.bigint() - start) / 1_000 / calls;
  };
  await round();
  const times: number[] = [];
  for (let index = 0; index < rounds; index += 1) times.push(await round());
  return median(times);
}

/** The middle value; 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** One line of a report: a name, a figure and its unit, in columns. */
export const line = (name: string, value: number, unit: string): string =>
  `  ${name.padEnd(64)} ${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit}`;
