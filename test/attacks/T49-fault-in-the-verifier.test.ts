import { describe, expect, test } from 'vitest';

import { appraise } from '#attestation/appraise.ts';
import type { Tpm2ChallengeFacts } from '#attestation/verify-evidence.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { claimsOf, labAppraisal, verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

// CVE-2022-3500: an exception ended the verification, and what was thought of the node before stayed.
describe('T49 a fault in the midst of the verifier', () => {
  const node = labNode();
  const join = labJoin(node);
  const fault = (): never => {
    throw new Error('out of memory');
  };

  test('without it, the evidence is accepted and appraised', () => {
    expect(verdict(join)).toBe('accepted');
    expect(appraise(labAppraisal(node, claimsOf(join))).status).toBe('affirming');
  });

  const FIELDS: readonly (keyof Tpm2ChallengeFacts)[] = [
    'nonce',
    'claimedNodeName',
    'ekPublic',
    'akPublic',
    'ekCertificates',
    'activationSecret',
    'bank',
    'pcrs',
  ];
  test.each(FIELDS)('while it reads %s, it leaves the verifier without a verdict', (field) => {
    const challenge = Object.defineProperty({ ...join.challenge }, field, { get: fault });
    expect(() => verifyEvidence({ ...join, challenge })).toThrow('out of memory');
  });

  test.each(['policy', 'claimedNodeName'] as const)('while appraisal reads %s, nothing is admitted', (field) => {
    const input = Object.defineProperty(labAppraisal(node, claimsOf(join)), field, { get: fault });
    expect(() => appraise(input)).toThrow('out of memory');
  });

  test('malformed input is no fault: it is refused', () => {
    const evidence = { ...join.evidence, signature: Buffer.of(0) };
    expect(verifyEvidence({ ...join, evidence })).toMatchObject({
      ok: false,
      denials: [{ code: 'evidence-malformed' }],
    });
  });
});
