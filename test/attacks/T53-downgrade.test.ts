import { describe, expect, test } from 'vitest';

import { toBase64Url } from '#core/bytes.ts';
import { challengeRequestSchema } from '#protocol/challenge.ts';
import { evidenceSchema } from '#protocol/join.ts';
import { policySchema } from '#protocol/policy.ts';
import { eccArea } from '#test/lab/tpm-keys.ts';
import { labPolicyDocument, verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

// There is nothing to negotiate: bank, PCRs and hashes are the policy's, and the protocol has one version.
describe('T53 an agent that offers less', () => {
  const node = labNode();
  const join = labJoin(node);

  test('what is asked for is accepted', () => {
    expect(verdict(join)).toBe('accepted');
  });

  test('an AK that signs with SHA-1 is refused', () => {
    const tpm = labTpm({ editAk: (area) => ({ ...eccArea(area), scheme: { kind: 'ecdsa', hash: 'sha1' } }) });
    expect(verdict(labJoin(labNode({ tpm })))).toBe('ak-scheme-refused');
  });

  test('an AK named with SHA-1 is refused', () => {
    const tpm = labTpm({ editAk: (area) => ({ ...area, nameAlg: 'sha1' }) });
    expect(verdict(labJoin(labNode({ tpm })))).toBe('ak-scheme-refused');
  });

  test('evidence of the lesser kind is refused', () => {
    expect(verdict({ ...join, evidence: { kind: 'signed-measurements', token: 'e30' } })).toBe(
      'evidence-kind-unexpected',
    );
  });

  test('a request cannot say SHA-1, nor another version', () => {
    const [ekPublic, akPublic] = [toBase64Url(node.tpm.ekPublic), toBase64Url(node.tpm.akPublic)];
    const attester = { kind: 'tpm2-quote', ekPublic, akPublic, ekCertificates: [] };
    const request = { nodeName: 'worker-7', attester };
    expect(challengeRequestSchema.safeParse(request).success).toBe(true);
    expect(challengeRequestSchema.safeParse({ ...request, version: 0 }).success).toBe(false);
    expect(challengeRequestSchema.safeParse({ ...request, attester: { ...attester, bank: 'sha1' } }).success).toBe(
      false,
    );
    const evidence = {
      kind: 'tpm2-quote',
      activationSecret: toBase64Url(join.evidence.activationSecret),
      quoted: toBase64Url(join.evidence.quoted),
      signature: toBase64Url(join.evidence.signature),
    };
    expect(evidenceSchema.safeParse({ ...evidence, pcrs: { sha256: { 0: '00'.repeat(32) } } }).success).toBe(true);
    expect(evidenceSchema.safeParse({ ...evidence, pcrs: { sha1: { 0: '00'.repeat(20) } } }).success).toBe(false);
  });

  test('a policy cannot say SHA-1', () => {
    const document = (bank: string) => {
      const good = labPolicyDocument();
      const pools = Object.values(good.pools).map((pool) => ({
        ...pool,
        certificateTtl: '1h',
        tpm2: { ...pool.tpm2, bank },
      }));
      return { ...good, pools: { general: pools[0] } };
    };
    expect(policySchema.safeParse(document('sha256')).success).toBe(true);
    expect(policySchema.safeParse(document('sha1')).success).toBe(false);
  });
});
