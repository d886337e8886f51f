import { expect, test } from 'vitest';

import { CertificatePool } from '#pki/x509/certificate-pool.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { ChainWork } from '#pki/x509/chain-work.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { revocationDenial } from '#pki/x509/revocation.ts';
import { CHAIN_SIGNATURES, type SignaturePolicy } from '#pki/x509/signature-policy.ts';

import { describeSuite, pemBlock, pemBlocks, readSuite } from './suite.ts';

interface Expectations {
  readonly crl_verify_time_unix: number;
  readonly crl_max_age_seconds: number;
  readonly crl: readonly { readonly file: string; readonly expect: 'GOOD' | 'REVOKED' | 'UNKNOWN' }[];
}

/** The suite's keys have 1,024 bits. */
const SIGNATURES: SignaturePolicy = {
  ...CHAIN_SIGNATURES,
  keys: { ...CHAIN_SIGNATURES.keys, rsaBits: { min: 1024, max: 4096, multipleOf: 1 } },
};

describeSuite('boringssl-pki', () => {
  const expectations: Expectations = JSON.parse(
    readSuite('boringssl-pki', 'expectations-ocsp-crl.json').toString('utf8'),
  );

  function statusOf(file: string): string {
    const pem = readSuite('boringssl-pki', 'crl_unittest', file).toString('latin1');
    try {
      const path = [
        pemBlock(pem, 'CERTIFICATE'),
        pemBlock(pem, 'CA CERTIFICATE'),
        ...pemBlocks(pem, 'CA CERTIFICATE 2'),
      ].map((der) => parseCertificate(der));
      const denial = revocationDenial({
        path,
        pool: new CertificatePool([]),
        now: new Date(expectations.crl_verify_time_unix * 1000),
        revocation: {
          crls: [parseCrl(pemBlock(pem, 'CRL'))],
          maxAgeSeconds: expectations.crl_max_age_seconds,
        },
        profile: 'path',
        work: new ChainWork(SIGNATURES, 20),
        isTrustedSigner: () => false,
      });
      if (denial === undefined) return 'GOOD';
      return denial.code === 'revoked' ? 'REVOKED' : 'UNKNOWN';
    } catch (error) {
      if (error instanceof X509FormatError) return 'UNKNOWN';
      throw error;
    }
  }

  test('all 66 CRLs are there', () => {
    expect(expectations.crl).toHaveLength(66);
  });

  test.each(expectations.crl)('$file says $expect about its certificate', ({ file, expect: expected }) => {
    expect(statusOf(file)).toBe(expected);
  });
});
