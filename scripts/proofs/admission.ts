import { attack, type CheckProof } from './check-proof.ts';

const APPROVAL = 'test/join/approval.test.ts';
const ENDORSED = 'test/join/endorsed.test.ts';
const CONFLICT = 'test/join/key-conflict.test.ts';
const STORE = 'test/fakes/memory-store.test.ts';

const row = (removes: string, file: string, check: string, without: string, test: string): CheckProof => ({
  removes,
  file,
  check,
  without,
  test,
});

/** Who becomes a node, and that a key has one holder. */
export const ADMISSION_PROOFS: readonly CheckProof[] = [
  row(
    'that a machine waits for approval',
    'services/join/applicant.ts',
    "missing: byRule ? 'enrolment' : 'approval',",
    "missing: 'enrolment',",
    attack('T60-machine-that-nobody-enrolled'),
  ),
  row(
    'that a highly protected node waits for approval',
    'services/join/applicant.ts',
    "return isNew && pool?.protectionRating === 'highly-protected';",
    'return isNew && pool === undefined;',
    APPROVAL,
  ),
  row(
    'that a pending node waits',
    'services/join/applicant.ts',
    "if (node.state === 'pending') return true;",
    '',
    APPROVAL,
  ),
  row(
    'that only pools that say so take strangers',
    'services/join/join-policy.ts',
    "admission !== 'enrolled' && admitsTo(pool, origin)",
    'admission.length > 0 && admitsTo(pool, origin)',
    attack('T60-machine-that-nobody-enrolled'),
  ),
  row(
    'that a stranger is in the pool’s segments',
    'services/join/join-policy.ts',
    "admission !== 'enrolled' && admitsTo(pool, origin)",
    "admission !== 'enrolled' && origin !== undefined",
    APPROVAL,
  ),
  row(
    'that the rule names, and not the machine',
    'services/join/applicant.ts',
    'const name = byRule ? nodeNameByRule(pool.nameRule, { pool: pool.pool, ekFingerprint }) : claimedNodeName;',
    'const name = byRule && nodeNameByRule === undefined ? undefined : claimedNodeName;',
    attack('T60-machine-that-nobody-enrolled'),
  ),
  row(
    'the cap on new nodes',
    'services/store/candidate-operations.ts',
    "if (Number(counted?.count ?? 0) >= cap.count) return { ok: false, conflict: 'cap-reached' };",
    "if (Number(counted?.count ?? 0) < 0) return { ok: false, conflict: 'cap-reached' };",
    ENDORSED,
  ),
  row(
    'the bound on machines that wait from one network',
    'services/store/candidate-operations.ts',
    "if (Number(ofNetwork?.count ?? 0) >= bounds.perNetwork) return { kind: 'full', bound: 'perNetwork' };",
    "if (Number(ofNetwork?.count ?? 0) < 0) return { kind: 'full', bound: 'perNetwork' };",
    STORE,
  ),
  row(
    'the bound on machines that wait in all',
    'services/store/candidate-operations.ts',
    "if (Number(total?.count ?? 0) >= bounds.total) return { kind: 'full', bound: 'total' };",
    "if (Number(total?.count ?? 0) < 0) return { kind: 'full', bound: 'total' };",
    STORE,
  ),
  row(
    'that what is approved is what was seen',
    'services/store/candidate-operations.ts',
    'candidate.revision !== revision || ',
    '',
    STORE,
  ),
  row(
    'that a refusal lasts',
    'services/store/candidate-operations.ts',
    "if (before.refusal !== undefined) return { kind: 'refused', reason: before.refusal.reason };",
    '',
    APPROVAL,
  ),
  row(
    'that an approval by id gives a name',
    'cli/commands/nodes/approve.ts',
    'byName && nodeName === undefined ? proof.claimedNodeName : undefined',
    'nodeName === undefined ? proof.claimedNodeName : undefined',
    'test/cli/approval.test.ts',
  ),
  row(
    'that an approval names a pool that there is',
    'services/admin/approve-candidate.ts',
    "if (!hasPool(pool)) errors.push({ pointer: '/pool', detail: 'the policy has no such pool' });",
    '',
    'test/cli/approval.test.ts',
  ),
  row(
    'that an AK is one EK’s',
    'services/join/key-conflict.ts',
    'holder.ekFingerprint !== claims.ek.fingerprint',
    'holder.ekFingerprint === holder.name',
    attack('T61-second-claimant-of-a-key'),
  ),
  row(
    'that a certified key is one EK’s',
    'services/join/key-conflict.ts',
    'holder.ekFingerprint !== challenge.ekFingerprint',
    'holder.ekFingerprint === holder.name',
    attack('T61-second-claimant-of-a-key'),
  ),
  row(
    'that a stranger freezes nobody',
    'services/join/key-conflict.ts',
    'freezes: node === undefined ? [] : [...holders, node]',
    'freezes: node === undefined ? holders : [...holders, node]',
    attack('T62-freezing-somebody-elses-node'),
  ),
  row(
    'that a request which freezes is signed by its key',
    'services/join/key-conflict.ts',
    'conflict !== undefined && verifyCsr(claimant.csr).ok ? conflict : undefined',
    'conflict !== undefined && verifyCsr !== undefined ? conflict : undefined',
    attack('T62-freezing-somebody-elses-node'),
  ),
  row(
    'that the EK is not certified',
    'services/join/key-conflict.ts',
    'if (ekFingerprint(spki) === challenge.ekFingerprint) {',
    'if (ekFingerprint(spki) === challenge.policyVersion) {',
    CONFLICT,
  ),
  row(
    'that the AK is not certified',
    'services/join/key-conflict.ts',
    'if (isDenial(ak) || !equalBytes(plainSpkiOf(ak.area), spki)) return undefined;',
    'if (isDenial(ak) || equalBytes(plainSpkiOf(ak.area), plainSpkiOf(ak.area))) return undefined;',
    CONFLICT,
  ),
  row(
    'the firmware that a pool does not let change',
    'attestation/appraise.ts',
    "if (change === undefined || tpm2.onFirmwareChange === 'advise') return [];",
    'if (change === undefined || tpm2.onFirmwareChange.length > 0) return [];',
    CONFLICT,
  ),
  row(
    'that endorsed pools have authorities',
    'attestation/admission-contradictions.ts',
    'if (tpm2.ekAnchors.length === 0) {',
    'if (tpm2.ekAnchors.length < 0) {',
    'test/attestation/admission-policy.test.ts',
  ),
  row(
    'that endorsed pools ask for certificates',
    'attestation/admission-contradictions.ts',
    'if (tpm2.allowEkWithoutCertificate) {',
    'if (tpm2.ekAnchors.length < 0) {',
    'test/attestation/admission-policy.test.ts',
  ),
  row(
    'the form of a name rule',
    'attestation/name-rule.ts',
    'if (!RULE.test(rule)) return undefined;',
    '',
    'test/attestation/admission-policy.test.ts',
  ),
];
