import { describe, expect, test } from 'vitest';

import { NO_GENERATION } from '#core/generation.ts';
import type { NodeName, PoolName, SpkiFingerprint } from '#core/ids.ts';
import { appraise } from '#attestation/appraise.ts';
import type { VerifiedMeasurementClaims } from '#attestation/result.ts';
import { LAB_ACCEPTED, LAB_MEASUREMENTS } from '#test/lab/measurement-key.ts';
import { claimsOf, labAppraisal, labPolicy, labRecord } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

const node = labNode();
const good = labAppraisal(node, claimsOf(labJoin(node)));
const policy = labPolicy(node, { pool: { signedMeasurements: LAB_ACCEPTED } });
const measurementKey = { spki: node.spki, generations: NO_GENERATION };
const record = { ...labRecord(node), measurementKey };
const claims: VerifiedMeasurementClaims = {
  kind: 'signed-measurements',
  keyId: String(node.tpm.ekFingerprint) as SpkiFingerprint,
  measurements: LAB_MEASUREMENTS,
  issuedAt: LAB_NOW,
  generation: undefined,
};

const outcome = (change: object = {}) => {
  const result = appraise({ ...good, claims, node: record, policy, ...change } as never);
  return result.status === 'affirming' ? result.status : [result.status, ...result.denials.map(({ code }) => code)];
};

describe('signed measurements', () => {
  test('that meet record and pool are admitted, by no reference values', () => {
    const result = appraise({ ...good, claims, node: record, policy });
    expect(result).toMatchObject({
      status: 'affirming',
      admission: { nodeName: record.name, pool: record.pool },
      referenceValues: undefined,
      policyVersion: policy.version,
      advisories: [],
    });
  });

  test.each([
    ['of nobody who is enrolled', { node: undefined }, ['measurement-key-not-enrolled']],
    ['of a node that is enrolled with a TPM', { node: labRecord(node) }, ['measurement-key-not-enrolled']],
    ['in another name', { claimedNodeName: 'worker-8' as NodeName }, ['node-name-mismatch']],
    ['of a node that is barred', { node: { ...record, state: 'barred' } }, ['node-not-admissible']],
    ['of a pool that is not in the policy', { node: { ...record, pool: 'elsewhere' as PoolName } }, ['pool-unknown']],
    ['where the pool takes TPMs only', { policy: labPolicy(node) }, ['measurements-not-accepted']],
    [
      'of another kernel',
      { claims: { ...claims, measurements: { ...claims.measurements, kernel: 'ab'.repeat(32) } } },
      ['measurement-refused'],
    ],
  ])('%s are refused', (_what, change, expected) => {
    expect(outcome(change)).toEqual(['contraindicated', ...expected]);
  });
});

test('a TPM’s claims do not pass for those of a key that was enrolled without one', () => {
  expect(outcome({ claims: good.claims, policy: good.policy })).toEqual([
    'contraindicated',
    'evidence-kind-unexpected',
  ]);
});
