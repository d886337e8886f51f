import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { parseAnchors } from '#attestation/endorsements.ts';
import { describeEndorser } from '#attestation/endorser.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { verifyChain } from '#pki/x509/chain.ts';
import { FOREIGN_CHAIN } from '#pki/x509/chain-policy.ts';
import { CertificatePool } from '#pki/x509/certificate-pool.ts';
import { encodePem } from '#pki/x509/pem.ts';
import type { Purpose } from '#pki/x509/purpose.ts';
import { judgeEkCertificate } from '#test/lab/ek-certificate-vectors.ts';
import { labEkCa } from '#test/lab/tpm-certificates.ts';
import { sharedVector } from '#test/lab/vectors.ts';

// Real EK certificates expire: STMicroelectronics' in 2028.
const THEN = new Date('2026-11-21T12:00:00Z');

const read = (path: string): Uint8Array | undefined => {
  const found = sharedVector(path);
  return found === undefined ? undefined : readFileSync(found);
};
const asPem = (bytes: Uint8Array): string =>
  bytes[0] === 0x30 ? encodePem('CERTIFICATE', bytes) : Buffer.from(bytes).toString('utf8');

/** Every TPM maker's certificate of the index, and what the index says of it. */
const KEYLIME = 'keylime__keylime/tpm_cert_store';
const GOOGLE = 'google__go-tpm-tools/ca';
const ANCHORS: readonly (readonly [string, string])[] = [
  [`${KEYLIME}/GS_TPM_RT.pem`, 'CN=GlobalSign Trusted Platform Module Root CA'],
  [`${KEYLIME}/IFX_RSA_RT.pem`, 'Infineon'],
  [`${KEYLIME}/INF_ECC_010RT.pem`, 'Infineon'],
  [`${KEYLIME}/INF_RSA_010RT.pem`, 'Infineon'],
  [`${KEYLIME}/INTEL_I.pem`, 'Intel'],
  [`${KEYLIME}/INTEL_RT.pem`, 'Intel'],
  [`${KEYLIME}/NUVO_1111.pem`, 'Nuvoton'],
  [`${KEYLIME}/NUVO_2110.pem`, 'Nuvoton'],
  [`${KEYLIME}/Nationz_TPM_EK.pem`, 'Nationz'],
  [`${KEYLIME}/STM_ECC_01I.pem`, 'STMicroelectronics'],
  [`${KEYLIME}/STM_ECC_01RT.pem`, 'STMicroelectronics'],
  [`${KEYLIME}/STM_RSA_05I.pem`, 'STMicroelectronics'],
  [`${KEYLIME}/STM_RSA_RT.pem`, 'STM'],
  ['kgoldman__ibmtss/ca/NPCTxxxECC384LeafCA012110.pem', 'Nuvoton'],
  ['kgoldman__ibmtss/ca/NPCTxxxECC521RootCA.pem', 'Nuvoton'],
  ['kgoldman__ibmtss/ca/amd264D39A23CEB5D5B49D610044EEBD121.pem', 'Advanced Micro Devices'],
  [`${GOOGLE}/gcp_ek_ak_ca_intermediate_v3.crt`, 'Google'],
  [`${GOOGLE}/gcp_ek_ak_ca_root.crt`, 'Google'],
  [`${GOOGLE}/tpm_ek_intermediate_2.crt`, 'Google'],
  [`${GOOGLE}/tpm_ek_root_1.cer`, 'Google'],
];

describe('authorities that the index calls trust anchors or intermediates', () => {
  test.each(ANCHORS)('%s is read as one, and has a key that chains are accepted through', (path, subject) => {
    const bytes = read(path);
    if (bytes === undefined) return;
    const [anchor, ...others] = parseAnchors(asPem(bytes)).map((each) => describeEndorser(each, THEN));
    expect(others).toEqual([]);
    expect(anchor?.subject).toContain(subject);
    expect(anchor?.faults.filter((fault) => !fault.startsWith('it has expired'))).toEqual([]);
  });
});

const ACCEPT = { whenAbsent: 'accept', whenAny: 'accept' } as const;
/** A certificate authority, whatever it may issue. */
const ANY_CA: Purpose = {
  keyPurpose: undefined,
  leaf: ACCEPT,
  issuers: ACCEPT,
  incompatible: new Set(),
  keyUsage: [],
  leafMayBeCa: true,
};

/** The chain that the index tells of: which authority stands below which. */
const CHAINS: readonly (readonly [string, string])[] = [
  [`${KEYLIME}/STM_ECC_01I.pem`, `${KEYLIME}/STM_ECC_01RT.pem`],
  [`${KEYLIME}/STM_RSA_05I.pem`, `${KEYLIME}/STM_RSA_RT.pem`],
  ['kgoldman__ibmtss/ca/NPCTxxxECC384LeafCA012110.pem', 'kgoldman__ibmtss/ca/NPCTxxxECC521RootCA.pem'],
  [`${GOOGLE}/gcp_ek_ak_ca_intermediate_v3.crt`, `${GOOGLE}/gcp_ek_ak_ca_root.crt`],
];

describe('chains of makers’ authorities', () => {
  test.each(CHAINS)('%s is signed by %s', (below, above) => {
    const [lower, upper] = [read(below), read(above)];
    if (lower === undefined || upper === undefined) return;
    const [intermediate] = parseAnchors(asPem(lower));
    const [root] = parseAnchors(asPem(upper));
    if (intermediate === undefined || root === undefined) throw new Error('one certificate each');
    const judge = (anchor: typeof root) =>
      verifyChain({
        leaf: intermediate,
        intermediates: [],
        anchors: new CertificatePool([anchor]),
        now: THEN,
        purpose: ANY_CA,
        policy: FOREIGN_CHAIN,
      });
    expect(judge(root)).toMatchObject({ ok: true });
    const [stranger] = parseAnchors(labEkCa().pem);
    expect(stranger === undefined || judge(stranger).ok).toBe(false);
  });
});

const EKS: readonly (readonly [path: string, anchors: readonly string[], outcome: string])[] = [
  ['st_sha256_with_rsa_der.der', [`${KEYLIME}/STM_RSA_05I.pem`], 'ST33HTPHAHB4'],
  ['st_sha256_with_rsa_der.der', [`${KEYLIME}/STM_ECC_01RT.pem`], 'ek-chain-untrusted'],
  ['nuvoton_ecdsa_sha256_der.der', [`${KEYLIME}/NUVO_2110.pem`], 'ek-chain-untrusted'],
  ['iak_der.der', [`${KEYLIME}/INF_RSA_010RT.pem`], 'ek-chain-untrusted'],
  ['idevid_der.der', [`${KEYLIME}/INF_RSA_010RT.pem`], 'ek-chain-untrusted'],
];

describe('what the index calls EK certificates and their like', () => {
  test.each(EKS)('%s under %j: %s', (file, anchors, outcome) => {
    const certificate = read(`keylime__keylime/ekcerts/${file}`);
    const pems = anchors.flatMap((path) => read(path) ?? []).map(asPem);
    if (certificate === undefined || pems.length < anchors.length) return;
    const judged = judgeEkCertificate(certificate, { anchors: pems, now: THEN });
    expect(typeof judged === 'string' ? judged : judged.model).toBe(outcome);
  });

  test('Nuvoton’s root with a SET out of order is not DER, and is read only as makers’ certificates are', () => {
    const bytes = read('keylime__keylime/ekcerts/nuvoton_ecdsa_sha256_der.der');
    if (bytes === undefined) return;
    expect(() => parseCertificate(bytes)).toThrow('not-canonical');
    expect(parseCertificate(bytes, { dialect: 'tpm-maker' }).version).toBe(3);
  });

  test('STMicroelectronics’ certificate is refused once it has expired', () => {
    const certificate = read('keylime__keylime/ekcerts/st_sha256_with_rsa_der.der');
    const anchor = read(`${KEYLIME}/STM_RSA_05I.pem`);
    if (certificate === undefined || anchor === undefined) return;
    const now = new Date('2038-01-01T00:00:00Z');
    expect(judgeEkCertificate(certificate, { anchors: [asPem(anchor)], now })).toBe('ek-chain-untrusted');
  });
});
