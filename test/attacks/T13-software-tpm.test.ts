import { describe, expect, test } from 'vitest';

import { compilePolicy } from '#attestation/evidence-policy.ts';
import type { VerifiedClaims } from '#attestation/result.ts';
import { judgeEkCertificate, vectorPem } from '#test/lab/ek-certificate-vectors.ts';
import { LAB_SIGNER, signManifest } from '#test/lab/reference-signer.ts';
import {
  appraisal,
  claimsOf,
  labAppraisal,
  labPolicy,
  labPolicyDocument,
  labReferenceValues,
  verdict,
} from '#test/lab/tpm-appraisal.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { vectorBytes } from '#test/lab/vectors.ts';

describe('T13 a TPM made of software', () => {
  const ca = labEkCa();
  const nodeWith = (manufacturer: string, model: string) => {
    const tpm = labTpm();
    return labNode({ tpm, ca, ekCertificates: [issueEkCertificate(ca, { spki: tpm.ekSpki, manufacturer, model })] });
  };

  test.each([
    ['a hardware TPM', 'id:53544D20', 'ST33', 'affirming'],
    ['swtpm', 'id:00001014', 'swtpm', ['software-tpm-refused']],
    ["IBM's", 'id:49424D00', 'SW TPM', ['software-tpm-refused']],
    ['the Microsoft simulator', 'id:4D534654', 'TPM 2.0', ['software-tpm-refused']],
    ["swtpm in another maker's name", 'id:53544D20', 'swtpm', ['software-tpm-refused']],
  ])('%s, certified under an anchor', (_, manufacturer, model, expected) => {
    const node = nodeWith(manufacturer, model);
    expect(appraisal(labAppraisal(node, claimsOf(labJoin(node))))).toEqual(expected);
  });

  test('is admitted where the policy of a laboratory says so', () => {
    const node = nodeWith('id:00001014', 'swtpm');
    const policy = labPolicy(node, { tpm2: { allowSoftwareTpm: true } });
    expect(appraisal(labAppraisal(node, claimsOf(labJoin(node)), { policy }))).toBe('affirming');
  });

  test('is never admitted to a protected pool: no such policy compiles', () => {
    const node = nodeWith('id:00001014', 'swtpm');
    const files = {
      referenceValues: new Map([['image-1', signManifest(labReferenceValues(node))]]),
      anchors: new Map([['lab.pem', ca.pem]]),
      referenceSigners: new Map([['signer.pem', LAB_SIGNER.pem]]),
    };
    for (const protectionRating of ['protected', 'highly-protected'] as const) {
      const allowing = labPolicyDocument({ protectionRating, tpm2: { allowSoftwareTpm: true } });
      expect(compilePolicy(allowing, files)).toMatchObject({ ok: false });
      expect(compilePolicy(labPolicyDocument({ protectionRating }), files)).toMatchObject({ ok: true });
    }
  });

  test('whose CA is no anchor is refused before anything is read from its certificate', () => {
    const node = nodeWith('id:53544D20', 'ST33');
    expect(verdict({ ...labJoin(node), ekAnchors: labJoin(labNode()).ekAnchors })).toBe('ek-chain-untrusted');
  });

  test.each(['ekcert-01c00002.der', 'ekcert-01c00016.der'])("of swtpm's own CA is told by %s", (file) => {
    const certificate = vectorBytes(`generated-swtpm/${file}`);
    const outcome = judgeEkCertificate(certificate, { anchors: [vectorPem('generated-swtpm/ek-issuer-ca.pem')] });
    expect(outcome).toMatchObject({ manufacturer: 'id:00001014', model: 'swtpm', software: true });
    const node = labNode({ ca });
    const claims: VerifiedClaims = claimsOf(labJoin(node));
    if (typeof outcome === 'string') throw new Error(outcome);
    const swtpmClaims = { ...claims, ek: { ...claims.ek, certificate: outcome } };
    expect(appraisal(labAppraisal(node, swtpmClaims))).toEqual(['software-tpm-refused']);
    expect(judgeEkCertificate(certificate, { anchors: [ca.pem] })).toBe('ek-chain-untrusted');
  });
});
