import { attack, type CheckProof } from './check-proof.ts';

const FILE = 'attestation/policy-contradictions.ts';
const TEST = 'test/attestation/evidence-policy.test.ts';

/** What `compilePolicy` refuses. */
export const POLICY_PROOFS: readonly CheckProof[] = [
  {
    removes: "a rating's longest lifetime",
    file: FILE,
    check: 'if (certificateTtl > limit) {',
    without: 'if (false) {',
    test: TEST,
  },
  {
    removes: 'software TPMs for protected nodes',
    file: FILE,
    check: 'if (tpm2.allowSoftwareTpm) {',
    without: 'if (false) {',
    test: attack('T13-software-tpm'),
  },
  {
    removes: 'EKs without certificates for protected nodes',
    file: FILE,
    check: 'if (tpm2.allowEkWithoutCertificate) {',
    without: 'if (false) {',
    test: TEST,
  },
  {
    removes: 'resettable PCRs for protected nodes',
    file: FILE,
    check: 'RESETTABLE_PCRS.includes(index)',
    without: 'index < 0',
    test: TEST,
  },
  {
    removes: 'names of reference values',
    file: FILE,
    check: 'if (names.has(set.name))',
    without: 'if (false)',
    test: TEST,
  },
  {
    removes: 'the bank of reference values',
    file: FILE,
    check: 'if (set.bank !== tpm2.bank) {',
    without: 'if (false) {',
    test: TEST,
  },
  {
    removes: 'the PCRs of reference values',
    file: FILE,
    check: 'if (covered !== demanded) {',
    without: 'if (false) {',
    test: TEST,
  },
  {
    removes: 'the length of reference values',
    file: FILE,
    check: 'value.length !== hexLength',
    without: 'value.length < 0',
    test: TEST,
  },
  {
    removes: 'missing reference files',
    file: 'attestation/policy-files.ts',
    check: 'if (document === undefined) errors.push(missing(at, file));\n    else ',
    without: 'if (document !== undefined) ',
    test: TEST,
  },
  {
    removes: 'missing anchor files',
    file: 'attestation/policy-files.ts',
    check: 'if (pem === undefined) return missing(path, file);',
    without: 'if (pem === undefined) return [];',
    test: TEST,
  },
  {
    removes: 'anchors that are CAs',
    file: 'attestation/endorsements.ts',
    check: 'if (issuerDenial(certificate) !== undefined)',
    without: 'if (certificate === undefined)',
    test: 'test/attestation/endorsements.test.ts',
  },
  {
    removes: 'members named twice in two spellings',
    file: 'services/strict-document.ts',
    check: 'stringKeys: true,',
    without: 'stringKeys: false,',
    test: 'test/services/strict-document.test.ts',
  },
];
