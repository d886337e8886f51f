import { describe, expect, test } from 'vitest';

import { toBase64Url } from '#core/bytes.ts';
import type { PoolName } from '#core/ids.ts';
import { appraise } from '#attestation/appraise.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { challengeRequestSchema } from '#protocol/challenge.ts';
import { GOOD_BOOT, verifiedBoot } from '#test/lab/boot-log.ts';
import { claimsOf, LAB_POOL, labAppraisal, labPolicy, labRecord } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

describe('T56 a node that would choose its own policy', () => {
  const node = labNode();
  const policy = labPolicy(node, { protectionRating: 'protected', certificateTtl: '30m' });
  const boot = bootFacts(verifiedBoot(GOOD_BOOT));

  test('gets the pool, rating and lifetime of its record, whatever it is', () => {
    const result = appraise(labAppraisal(node, { ...claimsOf(labJoin(node)), boot }, { policy }));
    expect(result).toMatchObject({
      status: 'affirming',
      admission: { pool: LAB_POOL, protectionRating: 'protected', ttlSeconds: 1_800 },
      policyVersion: policy.version,
    });
  });

  test('cannot say which it would like', () => {
    const attester = {
      kind: 'tpm2-quote',
      ekPublic: toBase64Url(node.tpm.ekPublic),
      akPublic: toBase64Url(node.tpm.akPublic),
      ekCertificates: [],
    };
    const request = { nodeName: 'worker-7', attester };
    expect(challengeRequestSchema.safeParse(request).success).toBe(true);
    for (const member of ['pool', 'protectionRating', 'policy', 'ttlSeconds']) {
      expect(challengeRequestSchema.safeParse({ ...request, [member]: 'default' }).success).toBe(false);
      expect(challengeRequestSchema.safeParse({ ...request, attester: { ...attester, [member]: 'x' } }).success).toBe(
        false,
      );
    }
  });

  test('is refused where its pool is unknown, rather than given another', () => {
    const record = labRecord(node, { pool: 'elsewhere' as PoolName });
    const result = appraise(labAppraisal(node, claimsOf(labJoin(node)), { policy, node: record }));
    expect(result).toMatchObject({ status: 'contraindicated', denials: [{ code: 'pool-unknown' }] });
  });

  test("is refused with evidence for another pool's PCRs", () => {
    const narrow = claimsOf(labJoin(node, {}, { pcrs: [0] }));
    const result = appraise(labAppraisal(node, narrow, { policy }));
    expect(result.status === 'contraindicated' && result.denials.map(({ code }) => code)).toContain(
      'pcr-selection-mismatch',
    );
  });
});
