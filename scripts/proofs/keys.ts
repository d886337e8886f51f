import { attack, type CheckProof } from './check-proof.ts';

const AK = 'attestation/tpm2/attestation-key.ts';
const EK = 'attestation/tpm2/endorsement-key.ts';
const RESIDENCY = 'attestation/tpm2/verify-residency.ts';
const ACTIVATION = 'attestation/tpm2/activation.ts';
const AK_TEST = 'test/attestation/tpm2/attestation-key.test.ts';
const SECRET = 'if (!equalBytes(input.activationSecret, input.expectedSecret)) {';

/** What `buildActivation` and `verifyResidency` establish. */
export const KEY_PROOFS: readonly CheckProof[] = [
  {
    removes: 'the activation secret',
    file: RESIDENCY,
    check: SECRET,
    without: 'if (false) {',
    test: attack('T09-ak-in-another-tpm'),
  },
  {
    removes: 'the activation secret, another TPM',
    file: RESIDENCY,
    check: SECRET,
    without: 'if (false) {',
    test: attack('T04-relay-to-another-tpm'),
  },
  {
    removes: 'silence about the secret',
    file: RESIDENCY,
    check: "return { code: 'activation-failed',",
    without: "return { expected: toHex(input.expectedSecret), code: 'activation-failed',",
    test: attack('T09-ak-in-another-tpm'),
  },
  {
    removes: 'that the AK is another key than the EK',
    file: RESIDENCY,
    check: 'if (equalBytes(plainSpkiOf(ak.area), ek.spki))',
    without: 'if (ak === undefined)',
    test: 'test/attestation/tpm2/verify-residency.test.ts',
  },
  {
    removes: "the AK's hierarchy",
    file: RESIDENCY,
    check: 'if (equalBytes(qualifiedSigner, asPrimary) || equalBytes(qualifiedSigner, asChild)) return undefined;',
    without: 'return undefined;',
    test: attack('T10-ak-substituted'),
  },
  {
    removes: 'restricted',
    file: AK,
    check: "'restricted', 'sign'",
    without: "'sign'",
    test: attack('T07-forged-by-unrestricted-key'),
  },
  {
    removes: 'sign',
    file: AK,
    check: "'restricted', 'sign'",
    without: "'restricted'",
    test: attack('T08-ak-attributes'),
  },
  { removes: 'fixedTPM', file: AK, check: "'fixedTpm', ", without: '', test: attack('T08-ak-attributes') },
  { removes: 'fixedParent', file: AK, check: "'fixedParent', ", without: '', test: attack('T08-ak-attributes') },
  {
    removes: 'sensitiveDataOrigin',
    file: AK,
    check: ", 'sensitiveDataOrigin'",
    without: '',
    test: attack('T08-ak-attributes'),
  },
  { removes: 'no decrypt', file: AK, check: "'decrypt', ", without: '', test: attack('T08-ak-attributes') },
  {
    removes: 'no encryptedDuplication',
    file: AK,
    check: "'encryptedDuplication', ",
    without: '',
    test: attack('T08-ak-attributes'),
  },
  { removes: 'no x509sign', file: AK, check: ", 'x509Sign'", without: '', test: AK_TEST },
  {
    removes: "the AK's scheme's hash",
    file: AK,
    check: "return hash === 'sha256' || hash === 'sha384' ?",
    without: "return hash !== 'sha512' ?",
    test: attack('T53-downgrade'),
  },
  {
    removes: "the AK's name algorithm",
    file: AK,
    check: "if (nameAlg !== 'sha256' && nameAlg !== 'sha384')",
    without: "if (nameAlg === 'sha512')",
    test: attack('T53-downgrade'),
  },
  {
    removes: "the AK's explicit scheme",
    file: AK,
    check: "if (scheme.kind !== 'rsassa' && scheme.kind !== 'rsapss' && scheme.kind !== 'ecdsa') return undefined;",
    without: "if (scheme.kind === 'null') return { kind: 'ecdsa', hash: 'sha256' };",
    test: AK_TEST,
  },
  { removes: "the AK's size", file: AK, check: 'area.keyBits >= MIN_RSA_BITS && ', without: '', test: AK_TEST },
  {
    removes: "the AK's curve",
    file: AK,
    check: "area.curve === 'P-256' || area.curve === 'P-384'",
    without: 'true',
    test: AK_TEST,
  },
  {
    removes: "the EK's template",
    file: EK,
    check: 'matchEkTemplate(area) === undefined',
    without: 'false',
    test: attack('T12-ek-template'),
  },
  {
    removes: 'the length of the secret',
    file: ACTIVATION,
    check:
      "if (secret.byteLength !== ACTIVATION_SECRET_SIZE) throw new RangeError('the random source gave too few bytes');",
    without: '',
    test: attack('T03-constant-nonce'),
  },
  {
    removes: 'known weak keys (EK)',
    file: ACTIVATION,
    check: "checkStrength('EK', ek.area) ?? ",
    without: '',
    test: 'test/attestation/tpm2/activation.test.ts',
  },
  {
    removes: 'known weak keys (AK)',
    file: ACTIVATION,
    check: " ?? checkStrength('AK', ak.area)",
    without: '',
    test: 'test/attestation/tpm2/activation.test.ts',
  },
  {
    removes: 'the AK before a credential is made for it',
    file: ACTIVATION,
    check: 'if (isDenial(ak)) return { ok: false, denial: ak };',
    without:
      'if (isDenial(ak)) return { ok: true, secret: akPublic, credentialBlob: akPublic, encryptedSecret: akPublic, ekFingerprint: ek.fingerprint };',
    test: attack('T08-ak-attributes'),
  },
];
