/** How many inputs a fuzz test tries: MUSTER_FUZZ_RUNS, or a number small enough for every test run. */
export const FUZZ_RUNS = Number(process.env['MUSTER_FUZZ_RUNS'] ?? 300);
