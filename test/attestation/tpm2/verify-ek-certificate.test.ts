import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { encodePem, parsePem } from '#pki/x509/pem.ts';
import { judgeEkCertificate, vectorCertificate, vectorPem } from '#test/lab/ek-certificate-vectors.ts';
import { sharedVector, vectorBytes } from '#test/lab/vectors.ts';

describe('EK certificates that TPM makers issued', () => {
  const st = vectorBytes('ek-certificates/st_sha256_with_rsa_der.der');
  const swtpmRoot = { anchors: [vectorPem('generated-swtpm/ek-root-ca.pem')] };
  const swtpmIssuers = [vectorCertificate('generated-swtpm/ek-issuer-ca.pem')];

  test('STMicroelectronics: accepted, and the anchor that it chains to is named', () => {
    expect(judgeEkCertificate(st, { anchors: [vectorPem('ek-certificates/STM_RSA_05I.pem')] })).toEqual({
      manufacturer: 'id:53544D20',
      model: 'ST33HTPHAHB4',
      version: 'id:00490004',
      software: false,
      anchor: 'CN=STM TPM EK Intermediate CA 05,O=STMicroelectronics NV,C=CH',
    });
  });

  test.each(['ekcert-01c00002.der', 'ekcert-01c00016.der'])(
    'swtpm, %s: accepted with its issuer, as software',
    (file) => {
      const certificate = vectorBytes(`generated-swtpm/${file}`);
      expect(judgeEkCertificate(certificate, { ...swtpmRoot, issuers: swtpmIssuers })).toMatchObject({
        software: true,
      });
      expect(judgeEkCertificate(certificate, swtpmRoot)).toBe('ek-chain-untrusted');
    },
  );

  test.each([
    ["swtpm's platform certificate", 'generated-swtpm/ekcert-01c08000.der', 'ek-certificate-unsuitable'],
    ['an IAK certificate of an unknown CA', 'ek-certificates/iak_der.der', 'ek-chain-untrusted'],
    ['an IDevID certificate of an unknown CA', 'ek-certificates/idevid_der.der', 'ek-chain-untrusted'],
    ["Nuvoton's root itself", 'ek-certificates/nuvoton_ecdsa_sha256_der.der', 'ek-chain-untrusted'],
  ])('%s: refused', (_, file, expected) => {
    const nuvoton = encodePem('CERTIFICATE', vectorBytes('ek-certificates/nuvoton_ecdsa_sha256_der.der'));
    const anchors = [...swtpmRoot.anchors, nuvoton];
    expect(judgeEkCertificate(vectorBytes(file), { anchors, issuers: swtpmIssuers })).toBe(expected);
  });
});

const GOOGLE = [
  'ekcerts/pca_tpm_rsa_enc_cert.pem',
  'ekcerts/pca_tpm_ecc_sign_cert.pem',
  'ca/gcp_ek_ak_ca_intermediate_v3.crt',
  'ca/gcp_ek_ak_ca_root.crt',
].map((file) => sharedVector(`google__go-tpm-tools/${file}`));
test.skipIf(GOOGLE.includes(undefined))(
  "Google's cloud vTPMs, which state neither purpose nor TPM, are refused",
  () => {
    const [rsa, ecc, intermediate, root] = GOOGLE.map((path) => readFileSync(path ?? ''));
    if (rsa === undefined || ecc === undefined || intermediate === undefined || root === undefined) return;
    const options = { anchors: [encodePem('CERTIFICATE', root)], issuers: [intermediate] };
    for (const pem of [rsa, ecc]) {
      const [block] = parsePem(pem.toString('utf8'));
      expect(judgeEkCertificate(block?.der ?? new Uint8Array(), options)).toBe('ek-certificate-unsuitable');
    }
  },
);
