import { describe, expect, test } from 'vitest';

import type { NodeName, PoolName } from '#core/ids.ts';
import type { NodeRecord, NodeState } from '#core/node-record.ts';
import { redeemAdmission } from '#core/admission.ts';
import { appraise, type AppraisalInput } from '#attestation/appraise.ts';
import { retireReferenceValues } from '#attestation/evidence-policy.ts';
import type { DenialCode, VerifiedTpm2Claims } from '#attestation/result.ts';
import {
  appraisal,
  claimsOf,
  LAB_POOL,
  labAppraisal,
  labPolicy,
  labRecord,
  labReferenceValues,
} from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { LAB_NODE, labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const node = labNode();
const claims = claimsOf(labJoin(node));
const good = labAppraisal(node, claims);
const record = (change: Partial<NodeRecord>) => ({ node: labRecord(node, change) });
const withEk = (change: Partial<VerifiedTpm2Claims['ek']>) => ({
  claims: { ...claims, ek: { ...claims.ek, ...change } },
});
const certificate = claims.ek.certificate ?? { manufacturer: '', model: '', version: '', software: true, anchor: '' };
const withoutCertificate = { ...node, ekCertificates: [] };

const policyUntil = (expires: Date) =>
  labPolicy(node, { referenceValues: [{ ...labReferenceValues(node), expires: expires.toISOString() }] });
const policyFrom = (notBefore: Date) =>
  labPolicy(node, { referenceValues: [{ ...labReferenceValues(node), notBefore: notBefore.toISOString() }] });
const retiring = (name: string) => retireReferenceValues(labPolicy(node), new Set([name]));

const ROWS: readonly [string, Partial<AppraisalInput>, readonly DenialCode[] | 'affirming'][] = [
  ['an enrolled node', {}, 'affirming'],
  ['one that joined before', record({ state: 'joined' }), 'affirming'],
  ['an EK that nobody enrolled', { node: undefined }, ['ek-not-enrolled']],
  ["another EK's record", record({ ekFingerprint: labTpm().ekFingerprint }), ['ek-not-enrolled']],
  ['another name', { claimedNodeName: 'worker-8' as NodeName }, ['node-name-mismatch']],
  ['a denied EK', { policy: labPolicy(node, { deniedEks: [node.tpm.ekFingerprint] }) }, ['ek-denied']],
  ['a pool that is not in the policy', record({ pool: 'elsewhere' as PoolName }), ['pool-unknown']],
  ['no EK certificate', withEk({ certificate: undefined }), ['ek-certificate-missing']],
  [
    'no EK certificate, where enrolment is enough',
    {
      ...withEk({ certificate: undefined }),
      policy: labPolicy(withoutCertificate, { tpm2: { allowEkWithoutCertificate: true } }),
    },
    'affirming',
  ],
  ['a software TPM', withEk({ certificate: { ...certificate, software: true } }), ['software-tpm-refused']],
  ['no reference values', { policy: labPolicy(node, { referenceValues: [] }) }, ['reference-values-missing']],
  [
    'reference values until the millisecond before they expire',
    { policy: policyUntil(new Date(LAB_NOW.getTime() + 1)) },
    'affirming',
  ],
  ['expired reference values', { policy: policyUntil(LAB_NOW) }, ['reference-values-expired']],
  [
    'reference values that are not valid yet',
    { policy: policyFrom(new Date(LAB_NOW.getTime() + 1)) },
    ['reference-values-expired'],
  ],
  ['retired reference values', { policy: retiring('image-1') }, ['reference-values-retired']],
  ['other reference values retired', { policy: retiring('image-2') }, 'affirming'],
  ['the SHA-384 bank', { claims: { ...claims, bank: 'sha384' } }, ['pcr-selection-mismatch']],
];

describe('appraising verified claims', () => {
  test.each(ROWS)('%s', (_, change, expected) => {
    expect(appraisal({ ...good, ...change })).toEqual(expected);
  });

  test.each<NodeState>(['enrolled', 'joined'])('a node in state %s may join', (state) => {
    expect(appraise({ ...good, ...record({ state }) })).toMatchObject({ status: 'affirming' });
  });

  test.each<NodeState>(['pending', 'quarantined', 'barred', 'retired'])('a node in state %s may not', (state) => {
    expect(appraise({ ...good, ...record({ state }) })).toMatchObject({
      status: 'contraindicated',
      denials: [{ code: 'node-not-admissible', found: state }],
    });
  });

  test('every failure is reported, each PCR by itself', () => {
    const machine = labNode();
    const policy = labPolicy(machine);
    machine.tpm.extend(4, Buffer.from('other kernel'));
    machine.tpm.extend(7, Buffer.from('other keys'));
    const { bootEpoch, ...rest } = claimsOf(labJoin(machine));
    const result = appraise({
      ...labAppraisal(machine, { ...rest, bootEpoch, ek: { ...rest.ek, certificate: undefined } }),
      policy,
      claimedNodeName: 'worker-8' as NodeName,
      node: labRecord(machine, { state: 'quarantined', bootEpoch: { ...bootEpoch, resetCount: 99 } }),
    });
    expect(result).toMatchObject({
      status: 'contraindicated',
      denials: [
        { code: 'node-name-mismatch', expected: LAB_NODE, found: 'worker-8' },
        { code: 'node-not-admissible', found: 'quarantined' },
        { code: 'ek-certificate-missing' },
        { code: 'pcr-mismatch', pcr: 4, expected: '00'.repeat(32) },
        { code: 'pcr-mismatch', pcr: 7, expected: '00'.repeat(32) },
        { code: 'boot-epoch-rolled-back' },
      ],
    });
  });

  test('the reference values that matched are named', () => {
    const documents = [
      { ...labReferenceValues(node, 'image-2'), pcrs: { ...labReferenceValues(node).pcrs, 0: 'ff'.repeat(32) } },
      labReferenceValues(node, 'image-1'),
    ];
    const result = appraise({ ...good, policy: labPolicy(node, { referenceValues: documents }) });
    expect(result).toMatchObject({ status: 'affirming', referenceValues: 'image-1' });
  });

  test('the admission is of the record and the policy, and works once', () => {
    const result = appraise(good);
    if (result.status !== 'affirming') throw new Error('refused');
    expect(result.admission).toEqual({
      nodeId: labRecord(node).id,
      nodeName: LAB_NODE,
      pool: LAB_POOL,
      protectionRating: 'default',
      ttlSeconds: 3_600,
      requestId: good.requestId,
    });
    redeemAdmission(result.admission);
    expect(() => redeemAdmission(result.admission)).toThrow('already redeemed');
  });

  test('another AK than at the last join is told, and refuses nobody', () => {
    const result = appraise({ ...good, ...record({ state: 'joined', akName: '000b00', lastJoinAt: LAB_NOW }) });
    expect(result).toMatchObject({ status: 'affirming', advisories: [{ code: 'ak-changed' }] });
    const same = appraise({ ...good, ...record({ state: 'joined', akName: claims.akName }) });
    expect(same).toMatchObject({ status: 'affirming', advisories: [] });
  });
});
