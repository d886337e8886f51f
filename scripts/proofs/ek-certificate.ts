import { attack, type CheckProof } from './check-proof.ts';

const FILE = 'attestation/tpm2/verify-ek-certificate.ts';
const PROFILE = 'attestation/tpm2/ek-certificate-profile.ts';
const T14 = attack('T14-bad-ek-certificate');

/** What `verifyEkCertificate` establishes. */
export const EK_CERTIFICATE_PROOFS: readonly CheckProof[] = [
  {
    removes: "the certificate's key against the EK",
    file: FILE,
    check: 'if (keyDenial !== undefined) return keyDenial;',
    without: '',
    test: attack('T11-certificate-of-another-ek'),
  },
  {
    removes: "the EK certificate's chain",
    file: FILE,
    check: 'if (!chain.ok) return chainDenial(chain);',
    without: 'if (!chain.ok) return { ...readEkCertificateFacts(leaf), software: false, anchor: "" };',
    test: T14,
  },
  {
    removes: "the EK certificate's chain, software TPM",
    file: FILE,
    check: 'if (!chain.ok) return chainDenial(chain);',
    without: 'if (!chain.ok) return { ...readEkCertificateFacts(leaf), software: false, anchor: "" };',
    test: attack('T13-software-tpm'),
  },
  {
    removes: 'the time at which the chain is judged',
    file: FILE,
    check: 'now: input.now,',
    without: 'now: leaf.notBefore,',
    test: attack('T15-nv-padding'),
  },
  {
    removes: 'the purpose of an EK',
    file: FILE,
    check: 'purpose: EK_CERTIFICATE,',
    without: 'purpose: { ...EK_CERTIFICATE, keyPurpose: undefined },',
    test: T14,
  },
  {
    removes: 'that no anchors means nobody',
    file: 'attestation/verify-evidence.ts',
    check: 'if (ekAnchors === undefined || ekCertificates.length === 0) return undefined;',
    without:
      'if (ekAnchors === undefined || ekCertificates.length === 0 || ekAnchors.pool.size === 0) return undefined;',
    test: T14,
  },
  {
    removes: 'the serial number',
    file: PROFILE,
    check:
      "if (certificateSerial(certificate) === undefined) return unsuitable('the serial number is not a positive one');",
    without: '',
    test: T14,
  },
  {
    removes: 'CA:FALSE',
    file: PROFILE,
    check: 'extensions.basicConstraints?.ca !== false',
    without: 'extensions.basicConstraints?.ca === true',
    test: T14,
  },
  {
    removes: 'a critical key usage',
    file: PROFILE,
    check: 'extensions.all.get(EXTENSION.keyUsage)?.critical !== true || ',
    without: '',
    test: T14,
  },
  {
    removes: "the key usage of the key's type",
    file: PROFILE,
    check: 'if (!keyUsage.has(demanded))',
    without: 'if (demanded === undefined)',
    test: T14,
  },
  {
    removes: 'no keyCertSign',
    file: PROFILE,
    check: "return keyUsage.has('keyCertSign') ?",
    without: 'return demanded === undefined ?',
    test: T14,
  },
  { removes: 'the TPM family', file: PROFILE, check: "!== '2.0'", without: "=== ''", test: T14 },
  {
    removes: 'a critical SAN where there is no subject',
    file: PROFILE,
    check: 'if (subject.rdns.length === 0 && ',
    without: 'if (subject.rdns.length < 0 && ',
    test: T14,
  },
  { removes: 'one directory name', file: PROFILE, check: 'directoryNames.length !== 1 || ', without: '', test: T14 },
  { removes: 'no other names', file: PROFILE, check: ' || others.length > 0', without: '', test: T14 },
  {
    removes: 'the TPM attributes',
    file: PROFILE,
    check: 'if (manufacturer === undefined || model === undefined || version === undefined) {',
    without:
      "if (model === undefined) return { manufacturer: 'id:53544D20', model: '', version: '' };\n  if (manufacturer === undefined || version === undefined) {",
    test: T14,
  },
  {
    removes: 'the registry of makers',
    file: FILE,
    check: 'const vendor = tpmVendor(facts.manufacturer);',
    without: "const vendor = tpmVendor(facts.manufacturer) ?? { id: '', name: '', software: false };",
    test: T14,
  },
  {
    removes: 'for whom an authority may certify',
    file: FILE,
    check: ' || !mayCertify(organizations, vendor)',
    without: '',
    test: T14,
  },
  {
    removes: 'the organisations of intermediates',
    file: FILE,
    check: 'const issuerNames = chain.path.slice(1)',
    without: 'const issuerNames = chain.path.slice(-1)',
    test: T14,
  },
  {
    removes: 'software TPMs by maker',
    file: FILE,
    check: 'vendor.software === true || ',
    without: '',
    test: attack('T13-software-tpm'),
  },
  {
    removes: 'software TPMs by model',
    file: FILE,
    check: ' || isSoftware(model)',
    without: '',
    test: attack('T13-software-tpm'),
  },
  {
    removes: 'that only fill follows a certificate',
    file: 'pki/x509/trim-certificate.ts',
    check: "if (!isFill) throw reader.fail('trailing-bytes');",
    without: '',
    test: attack('T15-nv-padding'),
  },
  {
    removes: 'the trimming of fill',
    file: FILE,
    check: 'parseCertificate(trimCertificate(nvContent),',
    without: 'parseCertificate(nvContent,',
    test: attack('T15-nv-padding'),
  },
  {
    removes: "the listed exception for makers' encodings",
    file: 'attestation/endorsements.ts',
    check: ", { dialect: 'tpm-maker' }",
    without: '',
    test: attack('T16-certificate-that-is-not-der'),
  },
  {
    removes: 'the minimal length of DER',
    file: 'pki/x509/der-reader.ts',
    check: "if (length < 0x80 || length < 256 ** (count - 1)) throw this.fail('not-canonical', start + 1);",
    without: '',
    test: attack('T16-certificate-that-is-not-der'),
  },
  {
    removes: 'the plain form of OAEP keys',
    file: FILE,
    check: 'plainSpki(certificate.publicKey).raw',
    without: 'certificate.publicKey.raw',
    test: attack('T17-oaep-key-in-certificate'),
  },
  {
    removes: 'the parameters of OAEP keys',
    file: 'pki/x509/plain-spki.ts',
    check: 'if (spki.algorithm.parameters !== undefined) checkOaepParameters(spki.algorithm.parameters);',
    without: '',
    test: attack('T17-oaep-key-in-certificate'),
  },
];
