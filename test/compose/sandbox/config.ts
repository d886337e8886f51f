/** What the environment says of this machine. */
export interface TestEnvironment {
  /** A real OpenBao. */
  readonly baoBinary: string | undefined;
}

export const readTestEnvironment = (env: NodeJS.ProcessEnv = process.env): TestEnvironment => ({
  baoBinary: env['BAO_BIN'] || undefined,
});
