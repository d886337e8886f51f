import { describe, expect, test } from 'vitest';

import { appraisal, claimsOf, labAppraisal, labRecord } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

// The ticket is spent by the first use (services/join); this is what stands behind it if it were not.
describe('T02 one piece of evidence sent twice', () => {
  const node = labNode();
  const claims = claimsOf(labJoin(node));

  test('is accepted the first time', () => {
    expect(appraisal(labAppraisal(node, claims))).toBe('affirming');
  });

  test('is refused once its clock has been seen', () => {
    const record = labRecord(node, { state: 'joined', lastJoinAt: LAB_NOW, bootEpoch: claims.bootEpoch });
    expect(appraisal(labAppraisal(node, claims, { node: record }))).toEqual(['boot-epoch-rolled-back']);
  });

  test('is followed by new evidence that is accepted', () => {
    const record = labRecord(node, { state: 'joined', lastJoinAt: LAB_NOW, bootEpoch: claims.bootEpoch });
    node.tpm.tick(1);
    expect(appraisal(labAppraisal(node, claimsOf(labJoin(node)), { node: record }))).toBe('affirming');
  });
});
