import { describe, expect, test } from 'vitest';

import { compilePolicy } from '#attestation/evidence-policy.ts';
import { RATING_KEY, ratingLabels, ratingTaints } from '#attestation/protection-rating.ts';
import type { ProtectionRating } from '#core/node-record.ts';
import { policySchema } from '#protocol/policy.ts';
import { DEFAULT_RATINGS, PROTECTION_RATINGS } from '#protocol/ratings.ts';
import { LAB_SIGNER, signManifest } from '#test/lab/reference-signer.ts';
import { LAB_POOL, type LabPolicyOptions, labPolicyDocument, labReferenceValues } from '#test/lab/tpm-appraisal.ts';
import { labNode } from '#test/lab/tpm-evidence.ts';

const node = labNode();
const FILES = {
  referenceValues: new Map([['image-1', signManifest(labReferenceValues(node))]]),
  anchors: new Map([['lab.pem', node.ca.pem]]),
  referenceSigners: new Map([['signer.pem', LAB_SIGNER.pem]]),
};

function compile(options: LabPolicyOptions, ratings: object = {}) {
  const document = labPolicyDocument({ referenceSigners: ['signer.pem'], ...options });
  return compilePolicy(policySchema.parse({ ...raw(document), ...ratings }), FILES);
}

/** Durations and segments were parsed already; the pool's rating is all that these tests look at. */
function raw({ pools, ...rest }: ReturnType<typeof labPolicyDocument>) {
  const texts = Object.entries(pools).map(([name, pool]) => {
    const { callback, certificateTtl, ...members } = pool;
    return [name, { ...members, certificateTtl: `${certificateTtl}s`, ...(callback && { callback: {} }) }];
  });
  return { ...rest, pools: Object.fromEntries(texts) };
}

/** The rating that the pool gets, or the pointers of what is wrong with it. */
function outcome(options: LabPolicyOptions, ratings: object = {}): ProtectionRating | readonly string[] {
  const compiled = compile(options, ratings);
  if (!compiled.ok) return compiled.errors.map(({ path }) => path.replace('/pools/general/', ''));
  return compiled.policy.pools.get(LAB_POOL)?.protectionRating ?? [];
}

type Class = readonly [sensitivity: string, criticality: string, exposure: string];
const classified = ([sensitivity, criticality, exposure]: Class) => ({
  classification: { sensitivity, criticality, exposure },
});
/** The pool demands enough for this rating. */
const fit = (protectionRating: ProtectionRating, pool: object): LabPolicyOptions => ({
  protectionRating,
  pool: { ...pool },
});

describe('a pool’s classification', () => {
  test.each<[...Class, ProtectionRating]>([
    ['internal', 'non-critical', 'internal', 'default'],
    ['internal', 'non-critical', 'partner', 'default'],
    ['internal', 'non-critical', 'public', 'default'],
    ['internal', 'critical', 'internal', 'default'],
    ['internal', 'critical', 'partner', 'protected'],
    ['internal', 'critical', 'public', 'protected'],
    ['sensitive', 'non-critical', 'internal', 'default'],
    ['sensitive', 'non-critical', 'partner', 'default'],
    ['sensitive', 'non-critical', 'public', 'default'],
    ['sensitive', 'critical', 'internal', 'protected'],
    ['sensitive', 'critical', 'partner', 'protected'],
    ['sensitive', 'critical', 'public', 'protected'],
    ['highly-sensitive', 'non-critical', 'internal', 'protected'],
    ['highly-sensitive', 'non-critical', 'partner', 'protected'],
    ['highly-sensitive', 'non-critical', 'public', 'protected'],
    ['highly-sensitive', 'critical', 'internal', 'highly-protected'],
    ['highly-sensitive', 'critical', 'partner', 'highly-protected'],
    ['highly-sensitive', 'critical', 'public', 'highly-protected'],
  ])('%s, %s, %s asks for %s', (sensitivity, criticality, exposure, rating) => {
    expect(outcome(fit(rating, classified([sensitivity, criticality, exposure])))).toBe(rating);
  });

  test('asks for what the policy’s own table says', () => {
    const { internal, ...rest } = DEFAULT_RATINGS;
    const strict = { internal: 'protected', partner: 'protected', public: 'protected' };
    const ratings = { ratings: { ...rest, internal: { ...internal, 'non-critical': strict } } };
    const options = fit('protected', classified(['internal', 'non-critical', 'internal']));
    expect([outcome(options), outcome(options, ratings)]).toEqual(['default', 'protected']);
  });

  test('is asked of a table that names every class', () => {
    const { internal, ...rest } = DEFAULT_RATINGS;
    const document = { ...raw(labPolicyDocument()), ratings: rest };
    expect(policySchema.safeParse(document).error?.issues.map(({ path }) => path)).toEqual([['ratings', 'internal']]);
    expect(policySchema.safeParse({ ...document, ratings: { ...rest, internal } }).success).toBe(true);
  });
});

describe('a pool that states its rating beside a classification', () => {
  const PROTECTED: Class = ['sensitive', 'critical', 'internal'];
  test.each<[ProtectionRating, ProtectionRating | readonly string[]]>([
    ['protected', 'protected'],
    ['highly-protected', 'highly-protected'],
    ['default', ['protectionRating']],
  ])('%s, where protected is asked for', (stated, expected) => {
    const pool = { ...classified(PROTECTED), protectionRating: stated };
    expect(outcome(fit(stated, pool))).toEqual(expected);
  });

  test('needs one of the two', () => {
    expect(outcome({ pool: { protectionRating: undefined } })).toEqual(['protectionRating']);
  });
});

describe('the least that a rating asks for', () => {
  test.each<[string, ProtectionRating, LabPolicyOptions, ProtectionRating | readonly string[]]>([
    ['default: nothing more', 'default', {}, 'default'],
    ['protected: as it must be', 'protected', {}, 'protected'],
    ['protected without boot', 'protected', { tpm2: { boot: undefined } }, ['tpm2/boot']],
    ['protected without Secure Boot', 'protected', { tpm2: { boot: { secureBoot: 'not-required' } } }, ['tpm2/boot']],
    [
      'protected without a known firmware',
      'protected',
      { tpm2: { pcrs: [4, 5, 7], referencePcrs: [], referenceValues: [] } },
      ['tpm2/referencePcrs'],
    ],
    ['protected, 8 h', 'protected', { certificateTtl: '8h' }, 'protected'],
    ['protected, over 8 h', 'protected', { certificateTtl: '481m' }, ['certificateTtl']],
    ['highly protected: as it must be', 'highly-protected', {}, 'highly-protected'],
    [
      'highly protected without Secure Boot',
      'highly-protected',
      { tpm2: { boot: { secureBoot: 'not-required', grubCommands: [], loaderFiles: [] } } },
      ['tpm2/boot'],
    ],
    [
      'highly protected without an IMA list',
      'highly-protected',
      { tpm2: { ima: undefined, pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] } },
      ['tpm2/ima'],
    ],
    ['highly protected without a callback', 'highly-protected', { pool: { callback: undefined } }, ['callback']],
    ['highly protected, enrolled only', 'highly-protected', { pool: { admission: 'enrolled' } }, ['admission']],
    ['highly protected, endorsed', 'highly-protected', { pool: { admission: 'endorsed' } }, ['admission']],
    ['highly protected, over 1 h', 'highly-protected', { certificateTtl: '61m' }, ['certificateTtl']],
  ])('%s', (_, protectionRating, options, expected) => {
    expect(outcome({ protectionRating, ...options })).toEqual(expected);
  });

  test('a contradiction says what was expected', () => {
    const compiled = compile({ protectionRating: 'highly-protected', pool: { admission: 'enrolled' } });
    expect(compiled).toMatchObject({ errors: [{ detail: expect.stringContaining('expected approval') }] });
  });
});

describe('a rating in the cluster', () => {
  test.each(PROTECTION_RATINGS)('%s is a label that no kubelet may set', (rating) => {
    expect(ratingLabels(rating)).toEqual({ 'node-restriction.kubernetes.io/muster-protection-rating': rating });
  });

  test('is a taint where it is above default', () => {
    expect(PROTECTION_RATINGS.map((rating) => ratingTaints(rating).map(({ value }) => value))).toEqual([
      [],
      ['protected'],
      ['highly-protected'],
    ]);
  });

  test.each<[string, object, readonly string[] | ProtectionRating]>([
    ['labels of its own', { nodeLabels: { 'muster.example/pool': 'a' } }, 'default'],
    ['a label that no kubelet may set', { nodeLabels: { 'node-restriction.kubernetes.io/zone': 'a' } }, ['nodeLabels']],
    ['one below such a name', { nodeLabels: { 'x.node-restriction.kubernetes.io/zone': 'a' } }, ['nodeLabels']],
    [
      'the rating’s taint',
      { registerWithTaints: [{ key: RATING_KEY, value: 'highly-protected', effect: 'NoSchedule' }] },
      ['registerWithTaints/0/key'],
    ],
  ])('is not for a pool to write: %s', (_, pool, expected) => {
    expect(outcome({ pool: { ...pool } })).toEqual(expected);
  });
});
