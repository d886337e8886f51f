import { attack, type CheckProof } from './check-proof.ts';

const FILE = 'attestation/tpm2/verify-quote.ts';
const SIGNATURE = 'attestation/tpm2/quote-signature.ts';
const QUALIFYING = 'core/qualifying-data.ts';
const NONCE = 'if (!equalBytes(quote.extraData, input.qualifyingData)) {';
const SELECTION = 'if (!equalBytes(signed, asked)) {';
const LENGTH = 'if (value.length !== DIGEST_SIZE[bank] * 2) {';
const TYPE = 'if (type !== TAG.attestQuote) return wrongType;';
const SCHEME = 'if (parsed.scheme !== ak.scheme.kind || parsed.hash !== ak.scheme.hash) {';
const NEVER = 'if (false) {';

/** What `verifyQuote` establishes, and the qualifying data. */
export const QUOTE_PROOFS: readonly CheckProof[] = [
  {
    removes: 'extraData against the challenge',
    file: FILE,
    check: NONCE,
    without: NEVER,
    test: attack('T01-replayed-quote'),
  },
  {
    removes: "the nonce's length",
    file: QUALIFYING,
    check: "if (nonce.byteLength !== 32) throw new RangeError('nonce must be 32 bytes');",
    without: '',
    test: attack('T03-constant-nonce'),
  },
  {
    removes: 'the nonce in the qualifying data',
    file: QUALIFYING,
    check: 'sha256(utf8(audience)), nonce,',
    without: 'sha256(utf8(audience)),',
    test: attack('T01-replayed-quote'),
  },
  {
    removes: 'the audience in the qualifying data',
    file: QUALIFYING,
    check: 'sha256(utf8(audience)), ',
    without: '',
    test: attack('T05-relay-through-another-service'),
  },
  {
    removes: 'the certificate key in the qualifying data',
    file: QUALIFYING,
    check: ', sha256(spki)',
    without: '',
    test: attack('T06-csr-key-swapped'),
  },
  {
    removes: 'the node name in the qualifying data',
    file: QUALIFYING,
    check: ', sha256(utf8(nodeName))',
    without: '',
    test: attack('T06-csr-key-swapped'),
  },
  {
    removes: "the quote's signature (ECDSA)",
    file: SIGNATURE,
    check: "{ key: ak.key, dsaEncoding: 'ieee-p1363' }, pair) ? undefined : INVALID",
    without: "{ key: ak.key, dsaEncoding: 'ieee-p1363' }, pair) ? undefined : undefined",
    test: attack('T10-ak-substituted'),
  },
  {
    removes: "the quote's signature (ECDSA), another TPM",
    file: SIGNATURE,
    check: "{ key: ak.key, dsaEncoding: 'ieee-p1363' }, pair) ? undefined : INVALID",
    without: "{ key: ak.key, dsaEncoding: 'ieee-p1363' }, pair) ? undefined : undefined",
    test: attack('T04-relay-to-another-tpm'),
  },
  {
    removes: "the quote's signature (RSA)",
    file: SIGNATURE,
    check: 'quoted, parsed.signature) ? undefined : INVALID',
    without: 'quoted, parsed.signature) ? undefined : undefined',
    test: attack('T26-signature-form'),
  },
  {
    removes: "an RSA signature's length",
    file: SIGNATURE,
    check: 'if (signature.byteLength * 8 !== keyBits) return false;',
    without: '',
    test: attack('T26-signature-form'),
  },
  {
    removes: "a PSS salt's length",
    file: SIGNATURE,
    check: 'return [digestSize, keyBits / 8 - digestSize - 2];',
    without: 'return [-2 + 0 * (digestSize + keyBits)];',
    test: 'test/attestation/tpm2/verify-quote.test.ts',
  },
  {
    removes: 'the signature scheme',
    file: SIGNATURE,
    check: SCHEME,
    without: NEVER,
    test: attack('T25-signature-scheme'),
  },
  {
    removes: "the signature's hash",
    file: SIGNATURE,
    check: ' || parsed.hash !== ak.scheme.hash',
    without: '',
    test: attack('T25-signature-scheme'),
  },
  {
    removes: 'TPM_GENERATED',
    file: FILE,
    check: 'if (magic !== TPM_GENERATED)',
    without: 'if (magic !== magic)',
    test: attack('T24-magic-altered'),
  },
  {
    removes: 'the type of the attestation',
    file: FILE,
    check: TYPE,
    without: '',
    test: attack('T23-other-attestation-as-quote'),
  },
  { removes: 'the selection (bank)', file: FILE, check: SELECTION, without: NEVER, test: attack('T18-wrong-bank') },
  { removes: 'the selection (two banks)', file: FILE, check: SELECTION, without: NEVER, test: attack('T19-two-banks') },
  {
    removes: 'the selection (none, some)',
    file: FILE,
    check: SELECTION,
    without: NEVER,
    test: attack('T20-empty-selection'),
  },
  {
    removes: 'the selection (which PCR)',
    file: FILE,
    check: SELECTION,
    without: NEVER,
    test: attack('T21-pcr-relabelled'),
  },
  {
    removes: 'the number of PCR values',
    file: FILE,
    check: 'if (Object.keys(claimed).length !== indices.length)',
    without: 'if (Object.keys(claimed).length < 0)',
    test: attack('T20-empty-selection'),
  },
  {
    removes: 'one bank of PCR values only',
    file: FILE,
    check: ' || banks.length !== 1',
    without: '',
    test: 'test/attestation/tpm2/verify-quote.test.ts',
  },
  {
    removes: "each PCR value's length",
    file: FILE,
    check: LENGTH,
    without: NEVER,
    test: attack('T22-pcr-lengths-shifted'),
  },
  {
    removes: 'the PCR digest',
    file: FILE,
    check: 'if (!equalBytes(quote.pcrDigest, composite)) {',
    without: NEVER,
    test: attack('T29-reboot-in-mid-join'),
  },
];
