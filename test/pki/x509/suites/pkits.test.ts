import { expect, test } from 'vitest';

import { parseCertificate } from '#pki/x509/certificate.ts';
import { type ChainVerdict, verifyChain } from '#pki/x509/chain.ts';
import { FOREIGN_CHAIN } from '#pki/x509/chain-policy.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { ANY_POLICY } from '#pki/x509/policy-values.ts';
import { ANY_PURPOSE } from '#pki/x509/purpose.ts';

import { PKITS_REFUSALS, PKITS_VALID_REFUSED } from './pkits-expectations.ts';
import { describeSuite, readSuite } from './suite.ts';

interface Step {
  readonly number: string;
  readonly title: string;
  readonly certs: readonly [string, ...string[]];
  readonly crls: readonly string[];
  readonly should_validate: boolean;
  readonly initial_policy_set?: string;
  readonly user_constrained_policy_set?: string;
  readonly InitialExplicitPolicy?: boolean;
  readonly InitialPolicyMappingInhibit?: boolean;
  readonly InitialInhibitAnyPolicy?: boolean;
}

const SUITE = 'nist-pkits';
/** Inside the validity of every certificate that is meant to be valid. */
const NOW = new Date('2015-06-01T00:00:00Z');
const TEST_POLICY_ARC = '2.16.840.1.101.3.2.1.48';

const policySet = (names: string): ReadonlySet<string> =>
  new Set(
    names
      .split(',')
      .filter((name) => name !== '')
      .map((name) =>
        name === 'anyPolicy' ? ANY_POLICY : `${TEST_POLICY_ARC}.${name.replace('NIST-test-policy-', '')}`,
      ),
  );

function run(step: Step): ChainVerdict | { readonly ok: false; readonly malformed: true; readonly signatureChecks: 0 } {
  try {
    const [anchor, ...rest] = step.certs.map((name) => parseCertificate(readSuite(SUITE, 'certs', `${name}.crt`)));
    const leaf = rest.at(-1);
    if (anchor === undefined || leaf === undefined) throw new Error('a step has an anchor and a leaf');
    return verifyChain({
      leaf,
      intermediates: rest.slice(0, -1),
      anchors: [anchor],
      now: NOW,
      purpose: ANY_PURPOSE,
      policy: {
        ...FOREIGN_CHAIN,
        maxIntermediates: 6,
        policies: {
          acceptable: step.initial_policy_set === undefined ? 'any' : policySet(step.initial_policy_set),
          requireExplicitPolicy: step.InitialExplicitPolicy === true,
          inhibitPolicyMapping: step.InitialPolicyMappingInhibit === true,
          inhibitAnyPolicy: step.InitialInhibitAnyPolicy === true,
        },
      },
      revocation: { crls: step.crls.map((name) => parseCrl(readSuite(SUITE, 'crls', `${name}.crl`))) },
    });
  } catch (error) {
    if (error instanceof X509FormatError) return { ok: false, malformed: true, signatureChecks: 0 };
    throw error;
  }
}

type StepVerdict = ReturnType<typeof run>;

const codeOf = (verdict: StepVerdict): string => {
  if (verdict.ok) return 'accepted';
  return 'malformed' in verdict ? 'malformed' : (verdict.denials[0]?.code ?? 'no denial');
};

describeSuite(SUITE, () => {
  const steps: readonly Step[] = JSON.parse(readSuite(SUITE, 'manifest.json').toString('utf8'));
  const bad = steps.filter((step) => !step.should_validate);
  const valid = steps.filter((step) => step.should_validate);

  const verdicts = new Map<Step, StepVerdict>();
  const verdictOn = (step: Step): StepVerdict => {
    const verdict = verdicts.get(step) ?? run(step);
    verdicts.set(step, verdict);
    return verdict;
  };

  test('the suite is whole: 135 steps that must fail, 114 that may pass', () => {
    expect([bad.length, valid.length]).toEqual([135, 114]);
  });

  test.each(bad)('$title is refused, for the reason in the table', (step) => {
    const verdict = verdictOn(step);
    expect(verdict.ok).toBe(false);
    expect(codeOf(verdict)).toBe(PKITS_REFUSALS[step.title]);
  });

  test.each(valid)('$title is accepted, or refused for a listed reason', (step) => {
    const verdict = verdictOn(step);
    expect(codeOf(verdict)).toBe(PKITS_VALID_REFUSED[step.number]?.code ?? 'accepted');
  });

  test.each(valid.filter((step) => step.user_constrained_policy_set !== undefined))(
    '$title ends with the policies that the suite states',
    (step) => {
      const verdict = verdictOn(step);
      const policies = verdict.ok ? verdict.policies : undefined;
      const stated = policySet(step.user_constrained_policy_set ?? '');
      expect(policies === 'any' ? new Set([ANY_POLICY]) : policies).toEqual(stated);
    },
  );

  test('no step takes more than ten public key operations', () => {
    const most = Math.max(...steps.map((step) => verdictOn(step).signatureChecks));
    expect(most).toBeLessThanOrEqual(10);
  });
});
