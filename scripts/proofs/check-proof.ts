/** One check, and how to take it out. */
export interface CheckProof {
  /** What is no longer checked, in a few words. */
  readonly removes: string;
  readonly file: string;
  /** The exact source text; it stands in the file once. */
  readonly check: string;
  readonly without: string;
  /** The test file that must notice. */
  readonly test: string;
}

/** The file of an attack test. */
export const attack = (name: string): string => `test/attacks/${name}.test.ts`;
