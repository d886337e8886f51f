import { beforeAll, describe, expect, test } from 'vitest';

import { CRL_ENTRY_PROFILE_RULES, CRL_ENTRY_RULES } from '#pki/lint/crl-entry-rules.ts';
import { CRL_PROFILE_RULES, CRL_RULES } from '#pki/lint/crl-rules.ts';
import { lintCrl } from '#pki/lint-crl.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { sequence } from '#pki/x509/der-writer.ts';
import { crlEntry, type CrlParts, goodCrlParts, sampleCrl } from '#test/lab/crl-sample.ts';
import { labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';

import { BAD_CRL_SAMPLES } from './lint/crl-samples.ts';

let ca: NodeCa;
beforeAll(async () => {
  ca = await labNodeCa();
});

async function rulesBrokenBy(change: (good: CrlParts) => Partial<CrlParts>, issuer?: Certificate) {
  const by = issuer ?? ca.issuing.certificate;
  const good = goodCrlParts(by);
  const findings = await lintCrl(sampleCrl({ ...good, ...change(good) }), { issuer: by, profile: true });
  return findings.map(({ rule }) => rule);
}

describe('lint of a CRL', () => {
  test('finds nothing wrong with a good one, with entries and without', async () => {
    expect(await rulesBrokenBy(() => ({}))).toEqual([]);
    expect(await rulesBrokenBy(() => ({ entries: Buffer.alloc(0) }))).toEqual([]);
  });

  test.for(BAD_CRL_SAMPLES)('$rule fires on $sample', async ({ rule, withoutCrlSign, change }) => {
    const { certificate } = ca.issuing;
    const extensions = { ...certificate.extensions, keyUsage: new Set(['keyCertSign'] as const) };
    const issuer = withoutCrlSign === true ? { ...certificate, extensions } : certificate;
    expect(await rulesBrokenBy((good) => change(good, ca), issuer)).toContain(rule);
  });

  test('has a sample for every rule', () => {
    const rules = [...CRL_RULES, ...CRL_PROFILE_RULES, ...CRL_ENTRY_RULES, ...CRL_ENTRY_PROFILE_RULES];
    const sampled = new Set(BAD_CRL_SAMPLES.map(({ rule }) => rule));
    expect(rules.map(({ name }) => name).filter((name) => !sampled.has(name))).toEqual([]);
  });

  test('names the first entry that breaks a rule, wherever it is', async () => {
    const good = goodCrlParts(ca.issuing.certificate);
    const entries = Array.from({ length: 1_200 }, () => crlEntry());
    const twice = entries[3] ?? Buffer.alloc(0);
    const der = sampleCrl({ ...good, entries: sequence(...entries, twice) });
    const findings = await lintCrl(der, { issuer: ca.issuing.certificate, profile: true });
    expect(findings).toMatchObject([{ rule: 'crl-serial-twice', detail: 'entry 1200: a serial twice' }]);
  });
});
