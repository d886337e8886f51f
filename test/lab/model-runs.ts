/** How many histories the test of the model tries: MUSTER_MODEL_RUNS, or a number small enough for every test run. */
export const MODEL_RUNS = Number(process.env['MUSTER_MODEL_RUNS'] ?? 25);
