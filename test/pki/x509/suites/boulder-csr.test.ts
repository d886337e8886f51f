import { expect, test } from 'vitest';

import { parseCsr } from '#pki/x509/csr.ts';
import { verifyCsr } from '#pki/x509/verify-csr.ts';

import { describeSuite, pemBlock, readSuite } from './suite.ts';

describeSuite('boulder-crl-lints', () => {
  test('a request whose RSA primes are close together is refused', () => {
    const pem = readSuite('boulder-crl-lints', 'testdata', 'fermat_csr.pem').toString('latin1');
    const csr = parseCsr(pemBlock(pem, 'CERTIFICATE REQUEST'));
    expect(verifyCsr(csr)).toEqual({ ok: false, code: 'rsa-close-primes' });
  });
});
