/** Files from the root. */
export interface TestGlobs {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

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
/** What is said of times would fail for a mutant and no mutant alike, on a machine that does something else as well. */
const NOT_BY_THE_CLOCK = '!test/attacks/T42-*.test.ts';
/** Those on event logs, whose every byte is tried. */
const LOG_ATTACKS = 'test/attacks/T{32,35,36,37,38,39,40,41,43}-*.test.ts';

/** Suites of others, fuzzing and foreign programs are slow, and what they notice of these folders the others notice too. */
const X509_TESTS = [
  'test/pki/x509/*.test.ts',
  '!test/pki/x509/fuzz.test.ts',
  '!test/pki/x509/second-reading.test.ts',
  '!test/pki/x509/foreign-tools.test.ts',
];

/** The folders whose every decision must be held by a test, in runs of some minutes each. */
export const MUTATION_FOLDERS: readonly MutationFolder[] = [
  { name: 'tpm2', mutate: ['tpm2/**/*.ts'], tests: ['test/tpm2/**/*.test.ts'], slowTests: [] },
  {
    name: 'attestation',
    mutate: ['attestation/*.ts', 'attestation/{tpm2,signed-measurements}/**/*.ts'],
    tests: ['test/attestation/**/*.test.ts'],
    slowTests: [
      VERIFIER_ATTACKS,
      'test/attacks/{T71,T72,T74}-*.test.ts',
      NOT_BY_THE_CLOCK,
      'test/join/{measured-boot,ima,signed-measurements}-join.test.ts',
    ],
  },
  {
    name: 'attestation/measured-boot',
    mutate: ['attestation/measured-boot/**/*.ts'],
    tests: ['test/attestation/measured-boot/**/*.test.ts', LOG_ATTACKS],
    slowTests: [],
  },
  {
    name: 'services/join',
    mutate: ['services/join/**/*.ts'],
    tests: [
      'test/services/join/**/*.test.ts',
      'test/join/{bad-input,callback,approval,endorsed,key-conflict,signed-measurements-join}.test.ts',
      'test/attacks/{T52,T57,T60,T61,T71,T72,T73,T74,A09,A10}-*.test.ts',
    ],
    slowTests: ['test/join/{measured-boot,ima}-join.test.ts'],
  },
  {
    name: 'pki/x509',
    mutate: ['pki/x509/**/*.ts'],
    tests: X509_TESTS,
    slowTests: ['test/pki/x509/suites/boringssl-*.test.ts', 'test/pki/x509/suites/pkits.test.ts'],
  },
  {
    name: 'pki/lint',
    mutate: ['pki/lint.ts', 'pki/lint-crl.ts', 'pki/lint/**/*.ts'],
    tests: ['test/pki/lint.test.ts', 'test/pki/lint-crl.test.ts'],
    slowTests: ['test/pki/lint-suites.test.ts', 'test/pki/lint-crl-suites.test.ts'],
  },
  {
    name: 'pki',
    mutate: ['pki/*.ts', 'pki/vault/*.ts', '!pki/lint.ts', '!pki/lint-crl.ts'],
    tests: [
      'test/pki/{*,vault/*}.test.ts',
      '!test/pki/lint*.test.ts',
      '!test/pki/{gnutls,openssl,signer-pkcs11}.test.ts',
    ],
    slowTests: [],
  },
];

/** Mutation score, in percent, below which a run fails. */
export const LEAST_SCORE = 90;
