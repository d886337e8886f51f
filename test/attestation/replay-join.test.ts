import { describe, expect, test } from 'vitest';

import { retireReferenceValues } from '#attestation/evidence-policy.ts';
import { explainJoin } from '#attestation/explain-join.ts';
import { replayJoin } from '#attestation/replay-join.ts';
import { type RecordedJoin, recordedEvidenceSchema } from '#protocol/joins.ts';
import { evidenceFacts } from '#services/audit/evidence-facts.ts';
import { claimsOf, labPolicy, labReferenceValues } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { LAB_NODE, LAB_PCRS, labJoin, labNode } from '#test/lab/tpm-evidence.ts';

const node = labNode();
const policy = labPolicy(node);
const evidence = recordedEvidenceSchema.parse(evidenceFacts(claimsOf(labJoin(node))));
const issued: RecordedJoin = {
  requestId: '00000000-0000-4000-8000-000000000001',
  at: LAB_NOW.toISOString(),
  outcome: 'issued',
  nodeName: LAB_NODE,
  address: '192.0.2.1',
  pool: 'general',
  policyVersion: policy.version,
  referenceValues: 'image-1',
  denials: [],
  evidence,
};
const other = { ...labReferenceValues(node), pcrs: { ...labReferenceValues(node).pcrs, 4: 'ff'.repeat(32) } };
const fewer = { ...labReferenceValues(node), pcrs: node.tpm.readPcrs('sha256', [0, 7]) };
const more = { ...labReferenceValues(node), pcrs: { ...labReferenceValues(node).pcrs, 9: '00'.repeat(32) } };
const wantsMore = labPolicy(node, { tpm2: { pcrs: [...LAB_PCRS, 9] }, referenceValues: [more] });

type Row = readonly [string, Partial<RecordedJoin>, typeof policy, string, readonly string[]];
const ROWS: readonly Row[] = [
  ['the policy it was admitted by', {}, policy, 'admitted', []],
  ['another value', {}, labPolicy(node, { referenceValues: [other] }), 'refused', ['pcr-mismatch']],
  ['fewer PCRs', {}, labPolicy(node, { tpm2: { pcrs: [0, 7] }, referenceValues: [fewer] }), 'admitted', []],
  ['one PCR more', {}, wantsMore, 'unknown', ['pcr-selection-mismatch']],
  [
    'one PCR more and a denied EK',
    {},
    labPolicy(node, {
      tpm2: { pcrs: [...LAB_PCRS, 9] },
      referenceValues: [more],
      deniedEks: [node.tpm.ekFingerprint],
    }),
    'refused',
    ['ek-denied', 'pcr-selection-mismatch'],
  ],
  ['its EK denied', {}, labPolicy(node, { deniedEks: [node.tpm.ekFingerprint] }), 'refused', ['ek-denied']],
  ['no reference values', {}, labPolicy(node, { referenceValues: [] }), 'refused', ['reference-values-missing']],
  [
    'expired values',
    {},
    labPolicy(node, { referenceValues: [{ ...labReferenceValues(node), expires: LAB_NOW.toISOString() }] }),
    'refused',
    ['reference-values-expired'],
  ],
  ['retired values', {}, retireReferenceValues(policy, new Set(['image-1'])), 'refused', ['reference-values-retired']],
  ['no anchors', {}, labPolicy(node, { tpm2: { ekAnchors: [] } }), 'refused', ['ek-chain-untrusted']],
  [
    'no certificate then, and one wanted',
    { evidence: { ...evidence, ekCertificate: undefined } },
    policy,
    'refused',
    ['ek-certificate-missing'],
  ],
  ['a pool that is gone', { pool: 'gone' }, policy, 'refused', ['pool-unknown']],
  [
    'a machine nobody enrolled',
    { pool: undefined, outcome: 'refused', denials: [{ code: 'ek-not-enrolled' }] },
    policy,
    'refused',
    ['ek-not-enrolled'],
  ],
  ['no verified evidence', { outcome: 'refused', evidence: undefined }, policy, 'not-judged', []],
  [
    'a refusal for values that are good now',
    { outcome: 'refused', denials: [{ code: 'pcr-mismatch', pcr: 4 }] },
    policy,
    'admitted',
    [],
  ],
  [
    'a refusal that no policy lifts',
    { outcome: 'refused', denials: [{ code: 'boot-epoch-rolled-back' }, { code: 'pcr-mismatch', pcr: 4 }] },
    policy,
    'refused',
    ['boot-epoch-rolled-back'],
  ],
];

describe('appraising a recorded join again', () => {
  test.each(ROWS)('%s', (_, change, under, verdict, codes) => {
    const replay = replayJoin({ ...issued, ...change }, under, LAB_NOW);
    expect(replay.verdict).toBe(verdict);
    expect(replay.denials.map(({ code }) => code)).toEqual(codes);
    expect(verdict === 'admitted' ? replay.referenceValues : 'image-1').toBe('image-1');
  });
});

describe('explaining a join', () => {
  test('tells every fact of one that was admitted: wanted is what was found', () => {
    const facts = explainJoin(issued, [], 'image-1');
    expect(facts.map(({ fact }) => fact)).toEqual([
      'EK',
      'node name',
      'pool',
      'EK certificate',
      'PCR selection',
      ...LAB_PCRS.map((pcr) => `PCR ${pcr}`),
      'reference values',
    ]);
    for (const { ok, wanted, found } of facts) expect([ok, wanted]).toEqual([true, found]);
  });

  test('tells what was wanted and what was found where it was not as wanted, and the rest as it was', () => {
    const { denials } = replayJoin(issued, labPolicy(node, { referenceValues: [other] }), LAB_NOW);
    const facts = explainJoin(issued, denials, undefined);
    expect(facts.filter(({ ok }) => !ok)).toEqual([
      {
        fact: 'PCR 4',
        wanted: 'ff'.repeat(32),
        found: evidence.pcrs['4'],
        ok: false,
        detail: 'pcr-mismatch: nearest reference values: image-1',
      },
    ]);
    expect(facts.filter(({ ok }) => ok).length).toBeGreaterThan(LAB_PCRS.length);
  });

  test('leaves out no denial, whatever it is about', () => {
    const denials = [
      { code: 'boot-epoch-rolled-back', expected: 'later', found: 'earlier' },
      { code: 'secure-boot-off', found: 'off' },
      { code: 'pcr-mismatch', pcr: 11, expected: 'aa' },
    ];
    const failed = explainJoin(issued, denials, undefined).filter(({ ok }) => !ok);
    expect(failed.map(({ fact }) => fact).toSorted()).toEqual(['PCR 11', 'boot-epoch-rolled-back', 'secure-boot-off']);
    const { evidence: _, ...without } = issued;
    expect(explainJoin(without, denials, undefined)).toHaveLength(3);
  });
});
