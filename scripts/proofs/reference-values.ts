import type { CheckProof } from './check-proof.ts';

const MANIFEST = 'attestation/reference-manifest.ts';
const VALUES = 'attestation/reference-values.ts';
const POLICY_TEST = 'test/attestation/evidence-policy.test.ts';
const VALUES_TEST = 'test/attestation/reference-values.test.ts';

/** What keeps a set of reference values from admitting. */
export const REFERENCE_PROOFS: readonly CheckProof[] = [
  {
    removes: 'the pools a manifest is for',
    file: MANIFEST,
    check: 'if (pools?.some((allowed) => allowed === pool.name) === false)',
    without: 'if (pools?.length === 0)',
    test: POLICY_TEST,
  },
  {
    removes: 'signatures for protected pools',
    file: MANIFEST,
    check: "if (pool.protectionRating !== 'default') {",
    without: 'if (pool.name === name) {',
    test: POLICY_TEST,
  },
  {
    removes: 'signatures where the policy has signers',
    file: MANIFEST,
    check: 'signers.size > 0 ?',
    without: 'signers.size > 99 ?',
    test: POLICY_TEST,
  },
  {
    removes: 'the signature itself',
    file: MANIFEST,
    check: 'return isGood ? undefined',
    without: 'return isGood || true ? undefined',
    test: POLICY_TEST,
  },
  {
    removes: 'the kind of a signer’s key',
    file: MANIFEST,
    check: "key.asymmetricKeyType === 'ed25519'",
    without: "key.type === 'public'",
    test: POLICY_TEST,
  },
  {
    removes: 'retirement',
    file: VALUES,
    check: "if (retired) return 'retired';",
    without: '',
    test: VALUES_TEST,
  },
  {
    removes: 'the beginning of validity',
    file: VALUES,
    check: 'if (notBefore !== undefined && !(now >= notBefore))',
    without: 'if (false)',
    test: VALUES_TEST,
  },
  {
    removes: 'the end of validity',
    file: VALUES,
    check: 'if (expires !== undefined && !(now < expires))',
    without: 'if (false)',
    test: VALUES_TEST,
  },
  {
    removes: 'what a signature must say',
    file: 'protocol/policy.ts',
    check: 'if (signature !== undefined && document[member] === undefined) {',
    without: 'if (signature === null) {',
    test: POLICY_TEST,
  },
];
