import type { CheckProof } from './check-proof.ts';

const MANIFEST = 'attestation/reference-manifest.ts';
const VALUES = 'attestation/reference-values.ts';
const POLICY_TEST = 'test/attestation/evidence-policy.test.ts';
const REPLAY_TEST = 'test/attestation/replay-join.test.ts';
const ROUTES_TEST = 'test/services/inventory/reference-routes.test.ts';
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
  {
    removes: 'denials that no policy lifts, from a replay',
    file: 'attestation/replay-join.ts',
    check: '!OF_THE_POLICY.has(code)',
    without: 'code === undefined',
    test: REPLAY_TEST,
  },
  {
    removes: 'denied EKs, from a replay',
    file: 'attestation/replay-join.ts',
    check: 'isEkFingerprint(ekFingerprint) && policy.deniedEks.has(ekFingerprint)',
    without: 'ekFingerprint === bank',
    test: REPLAY_TEST,
  },
  {
    removes: 'anchors, from a replay',
    file: 'attestation/replay-join.ts',
    check: '...anchorDenials(evidence, pool),',
    without: '',
    test: REPLAY_TEST,
  },
  {
    removes: 'the EK certificate, from a replay',
    file: 'attestation/replay-join.ts',
    check: '...checkCertificate({ certificate }, pool),',
    without: '',
    test: REPLAY_TEST,
  },
  {
    removes: 'that a retirement is read at the start',
    file: 'services/compose/service.ts',
    check: 'policySource.retire(await retiredReferenceValues(store));',
    without: '',
    test: ROUTES_TEST,
  },
  {
    removes: 'that a retirement works at once',
    file: 'services/inventory/retire-reference-values.ts',
    check: 'deps.retire([name]);',
    without: '',
    test: ROUTES_TEST,
  },
  {
    removes: 'that a retirement is on record',
    file: 'services/inventory/retire-reference-values.ts',
    check: 'await deps.appendAudit(referenceRetired(',
    without: 'void (referenceRetired(',
    test: ROUTES_TEST,
  },
  {
    removes: 'that a policy is on record before it decides',
    file: 'services/policy-source.ts',
    check: 'await record(policy);',
    without: '',
    test: 'test/services/policy-source.test.ts',
  },
  {
    removes: 'what is retired, at a reload',
    file: 'services/policy-source.ts',
    check: 'policy: retireReferenceValues(policy, retired),\n    loadedAt',
    without: 'policy,\n    loadedAt',
    test: 'test/services/policy-source.test.ts',
  },
];
