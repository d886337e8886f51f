import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import type { ChainVerdict } from '#pki/x509/chain.ts';
import { STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { integer, oid, sequence, taggedPrimitive } from '#pki/x509/der-writer.ts';
import { extension } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import { NO_POLICY_DEMAND, type PolicyDemand } from '#pki/x509/policy-graph.ts';
import { ANY_POLICY } from '#pki/x509/policy-values.ts';

import { plus, ROOT, told, verify } from './chain-lab.ts';
import { type Identity, intermediate, leaf, nameOf } from './lab.ts';

const [GOLD, SILVER, BRONZE] = ['1.2.3.1', '1.2.3.2', '1.2.3.3'];

const policies = (...oids: readonly string[]): Bytes =>
  extension(EXTENSION.certificatePolicies, false, sequence(...oids.map((one) => sequence(oid(one)))));
const mappings = (...rows: readonly (readonly [string, string])[]): Bytes =>
  extension(EXTENSION.policyMappings, true, sequence(...rows.map(([from, to]) => sequence(oid(from), oid(to)))));
const requireExplicit = (skip: number): Bytes =>
  extension(EXTENSION.policyConstraints, true, sequence(taggedPrimitive(0, integer(skip).subarray(2))));
const inhibitMapping = (skip: number): Bytes =>
  extension(EXTENSION.policyConstraints, true, sequence(taggedPrimitive(1, integer(skip).subarray(2))));
const inhibitAny = (skip: number): Bytes => extension(EXTENSION.inhibitAnyPolicy, true, integer(skip));

/** The verdict on a chain with these extensions from the top intermediate down to the leaf. */
function under(demand: Partial<PolicyDemand>, ...levels: readonly (readonly Bytes[])[]): ChainVerdict {
  let issuer: Identity = ROOT;
  const intermediates = levels.slice(0, -1).map((extensions, i) => {
    issuer = intermediate(issuer, `Level ${i}`, { extensions: plus(...extensions) });
    return issuer.certificate;
  });
  const policy = { ...STRICT_CHAIN, policies: { ...NO_POLICY_DEMAND, ...demand } };
  return verify({ leaf: leaf(issuer, 'Leaf', { extensions: plus(...(levels.at(-1) ?? [])) }), intermediates, policy });
}

const resulting = (verdict: ChainVerdict): unknown =>
  verdict.ok ? (verdict.policies === 'any' ? 'any' : [...verdict.policies].toSorted()) : told(verdict);

describe('the policies of a path', () => {
  test.each<[string, readonly (readonly Bytes[])[], unknown]>([
    ['are those that every certificate states', [[policies(GOLD, SILVER)], [policies(GOLD, BRONZE)]], [GOLD]],
    ['are open where every certificate says any', [[policies(ANY_POLICY)], [policies(ANY_POLICY)]], 'any'],
    ['are those of the leaf under an issuer that says any', [[policies(ANY_POLICY)], [policies(GOLD)]], [GOLD]],
    ['are those of the issuer above a leaf that says any', [[policies(GOLD)], [policies(ANY_POLICY)]], [GOLD]],
    ['are none where one certificate states none', [[policies(GOLD)], []], []],
    ['are none where two have nothing in common', [[policies(GOLD)], [policies(SILVER)]], []],
    ['are told in the terms of the anchor', [[policies(GOLD), mappings([GOLD, SILVER])], [policies(SILVER)]], [GOLD]],
    ['are lost where a mapping leads elsewhere', [[policies(GOLD), mappings([GOLD, SILVER])], [policies(GOLD)]], []],
    [
      'follow a mapping of what any stands for',
      [[policies(ANY_POLICY), mappings([GOLD, SILVER])], [policies(SILVER)]],
      [GOLD],
    ],
  ])('%s', (_, levels, expected) => {
    expect(resulting(under({}, ...levels))).toEqual(expected);
  });
});

describe('a path is refused', () => {
  test.each<[string, Partial<PolicyDemand>, readonly (readonly Bytes[])[], unknown]>([
    ['without a policy where the caller asks for one', { requireExplicitPolicy: true }, [[], []], 'policy-refused 1'],
    [
      'never with the policy that the caller asks for',
      { requireExplicitPolicy: true, acceptable: new Set([GOLD]) },
      [[policies(GOLD)], [policies(GOLD)]],
      [GOLD],
    ],
    [
      'with another policy than the caller asks for',
      { requireExplicitPolicy: true, acceptable: new Set([GOLD]) },
      [[policies(SILVER)], [policies(SILVER)]],
      'policy-refused 0',
    ],
    [
      'never with another policy where none is required',
      { acceptable: new Set([GOLD]) },
      [[policies(SILVER)], [policies(SILVER)]],
      [],
    ],
    ['without a policy where an issuer requires one', {}, [[requireExplicit(0)], []], 'policy-refused 0'],
    [
      'where the leaf requires one that it does not state',
      {},
      [[], [requireExplicit(0)]],
      'profile-violated 0 ca-extension-on-leaf',
    ],
    [
      'where any is inhibited and stated',
      { requireExplicitPolicy: true },
      [[policies(GOLD), inhibitAny(0)], [policies(ANY_POLICY)]],
      'policy-refused 0',
    ],
    [
      'where any is inhibited by the caller',
      { requireExplicitPolicy: true, inhibitAnyPolicy: true },
      [[policies(ANY_POLICY)], [policies(GOLD)]],
      'policy-refused 1',
    ],
    [
      'where mapping is inhibited and used',
      { requireExplicitPolicy: true },
      [[policies(GOLD), inhibitMapping(0)], [policies(GOLD), mappings([GOLD, SILVER])], [policies(SILVER)]],
      'policy-refused 0',
    ],
    [
      'where mapping is inhibited by the caller',
      { requireExplicitPolicy: true, inhibitPolicyMapping: true },
      [[policies(GOLD), mappings([GOLD, SILVER])], [policies(SILVER)]],
      'policy-refused 0',
    ],
    [
      'where a mapping names any',
      {},
      [[policies(GOLD), mappings([ANY_POLICY, GOLD])], [policies(GOLD)]],
      'policy-mapping-invalid 1',
    ],
    [
      'where a mapping leads to any',
      {},
      [[policies(GOLD), mappings([GOLD, ANY_POLICY])], [policies(GOLD)]],
      'policy-mapping-invalid 1',
    ],
  ])('%s', (_, demand, levels, expected) => {
    expect(resulting(under(demand, ...levels))).toEqual(expected);
  });
});

test('what an issuer lets skip is counted down by each certificate below it, self-issued ones left out', () => {
  const stated = [policies(GOLD)];
  const skipping = [policies(GOLD), requireExplicit(2)];
  expect(resulting(under({}, skipping, []))).toEqual([]);
  expect(resulting(under({}, skipping, stated, []))).toBe('policy-refused 0');
  const first = intermediate(ROOT, 'Level 0', { extensions: plus(...skipping) });
  const again = intermediate(first, 'Level 0 again', { subject: nameOf('Level 0'), extensions: plus(...stated) });
  const chain = { leaf: leaf(again), intermediates: [first.certificate, again.certificate] };
  expect(resulting(verify(chain))).toEqual([]);
});

test('mappings that would make a tree grow exponentially take no more room than the certificates', () => {
  const oids = Array.from({ length: 40 }, (_, i) => `1.2.4.${i}`);
  const all = oids.flatMap((from) => oids.slice(0, 8).map((to): readonly [string, string] => [from, to]));
  const level = [policies(...oids), mappings(...all)];
  const started = performance.now();
  const verdict = under({ requireExplicitPolicy: true }, level, level, level, level, [policies(...oids.slice(0, 8))]);
  expect(verdict.ok).toBe(true);
  expect(performance.now() - started).toBeLessThan(2_000);
});
