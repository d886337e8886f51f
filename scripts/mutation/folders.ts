/** One run of mutation testing: what is mutated, and the tests that must notice. Globs from the root; `!` takes away what those before it named. */
export interface MutationFolder {
  readonly name: string;
  readonly mutate: readonly string[];
  /** The folder's own unit tests. */
  readonly tests: readonly string[];
  /** Slower tests that are its specification too: they are run against what the others did not notice. */
  readonly slowTests: readonly string[];
}

/** The attacks that need no running service: those on the Verifier. */
const VERIFIER_ATTACKS = 'test/attacks/T[0-4]*.test.ts';

/**
 * The folders whose every decision must be held by a test, in runs of some minutes each. What starts other programs is left out: it is slow,
 * and notices nothing that the others do not.
 */
export const MUTATION_FOLDERS: readonly MutationFolder[] = [
  { name: 'tpm2', mutate: ['tpm2/**/*.ts'], tests: ['test/tpm2/**/*.test.ts'], slowTests: [] },
  {
    name: 'attestation',
    mutate: ['attestation/*.ts', 'attestation/tpm2/**/*.ts'],
    tests: ['test/attestation/**/*.test.ts'],
    slowTests: [VERIFIER_ATTACKS],
  },
  {
    name: 'attestation/measured-boot',
    mutate: ['attestation/measured-boot/**/*.ts'],
    tests: ['test/attestation/measured-boot/**/*.test.ts'],
    slowTests: ['test/attestation/**/*.test.ts', VERIFIER_ATTACKS],
  },
];

/** Mutation score, in percent, below which a run fails. */
export const LEAST_SCORE = 90;
