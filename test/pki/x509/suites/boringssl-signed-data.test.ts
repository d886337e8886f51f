import { readdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { parseAlgorithm } from '#pki/x509/algorithm.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { verifySignature } from '#pki/x509/signature.ts';
import { CHAIN_SIGNATURES, type SignaturePolicy } from '#pki/x509/signature-policy.ts';
import { parseSpki } from '#pki/x509/spki.ts';

import { describeSuite, pemBlock, readSuite, suitePath } from './suite.ts';

const SUITE = 'boringssl-pki/verify_signed_data_unittest';

/** The suite's settings: RSA from 1,024 bits, SHA-1 allowed. */
const POLICY: SignaturePolicy = {
  ...CHAIN_SIGNATURES,
  schemes: new Set([...CHAIN_SIGNATURES.schemes, 'rsa-pkcs1-sha1']),
  keys: { ...CHAIN_SIGNATURES.keys, rsaBits: { min: 1024, max: 4096, multipleOf: 1 } },
};

/** Every file's verdict; `malformed` is an X509FormatError before any signature is looked at. */
const EXPECTED: Readonly<Record<string, string>> = {
  'ecdsa-prime256v1-sha512-spki-params-null.pem': 'key-malformed',
  'ecdsa-prime256v1-sha512-unused-bits-signature.pem': 'malformed',
  'ecdsa-prime256v1-sha512-using-ecdh-key.pem': 'key-algorithm-mismatch',
  'ecdsa-prime256v1-sha512-using-ecmqv-key.pem': 'key-algorithm-mismatch',
  'ecdsa-prime256v1-sha512-using-rsa-algorithm.pem': 'key-algorithm-mismatch',
  'ecdsa-prime256v1-sha512-wrong-signature-format.pem': 'signature-malformed',
  'ecdsa-prime256v1-sha512.pem': 'valid',
  'ecdsa-secp384r1-sha256-corrupted-data.pem': 'signature-invalid',
  'ecdsa-secp384r1-sha256.pem': 'valid',
  'ecdsa-using-rsa-key.pem': 'key-algorithm-mismatch',
  // ML-DSA is not a signature algorithm this system knows.
  'mldsa-44-spki-params-null.pem': 'signature-algorithm-refused',
  'mldsa-44.pem': 'signature-algorithm-refused',
  'mldsa-65-spki-params-null.pem': 'signature-algorithm-refused',
  'mldsa-65.pem': 'signature-algorithm-refused',
  'mldsa-87-spki-params-null.pem': 'signature-algorithm-refused',
  'mldsa-87.pem': 'signature-algorithm-refused',
  'rsa-pkcs1-sha1-bad-key-der-length.pem': 'malformed',
  'rsa-pkcs1-sha1-bad-key-der-null.pem': 'malformed',
  'rsa-pkcs1-sha1-key-params-absent.pem': 'key-malformed',
  'rsa-pkcs1-sha1-using-pss-key-no-params.pem': 'key-algorithm-mismatch',
  'rsa-pkcs1-sha1-wrong-algorithm.pem': 'signature-invalid',
  'rsa-pkcs1-sha1.pem': 'valid',
  'rsa-pkcs1-sha256-key-encoded-ber.pem': 'malformed',
  'rsa-pkcs1-sha256-spki-non-null-params.pem': 'malformed',
  'rsa-pkcs1-sha256-using-ecdsa-algorithm.pem': 'key-algorithm-mismatch',
  'rsa-pkcs1-sha256-using-id-ea-rsa.pem': 'key-algorithm-mismatch',
  'rsa-pkcs1-sha256.pem': 'valid',
  // BoringSSL has no RSASSA-PSS keys; here they are read, and their parameters bind (RFC 4055 §1.2).
  'rsa-pss-sha256-using-pss-key-with-params.pem': 'valid',
  'rsa-pss-sha256-wrong-salt.pem': 'signature-invalid',
  'rsa-pss-sha256.pem': 'valid',
  'rsa-using-ec-key.pem': 'key-algorithm-mismatch',
  'rsa2048-pkcs1-sha512.pem': 'valid',
};

function verdict(file: string): string {
  const pem = readSuite(SUITE, file).toString('latin1');
  try {
    const signature = new DerReader(pemBlock(pem, 'SIGNATURE'), 'signature').bitStringBytes();
    const result = verifySignature({
      algorithm: parseAlgorithm(pemBlock(pem, 'ALGORITHM')),
      spki: parseSpki(pemBlock(pem, 'PUBLIC KEY')),
      data: pemBlock(pem, 'DATA'),
      signature,
      policy: POLICY,
    });
    return result.ok ? 'valid' : result.code;
  } catch (error) {
    if (error instanceof X509FormatError) return 'malformed';
    throw error;
  }
}

describeSuite(SUITE, () => {
  const files = readdirSync(suitePath(SUITE)).filter((file) => file.endsWith('.pem'));

  test('every file is in the table', () => {
    expect(files.toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
  });

  test.each(Object.entries(EXPECTED))('%s is %s', (file, expected) => {
    expect(verdict(file)).toBe(expected);
  });
});
