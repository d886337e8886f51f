import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { CRL_ENTRY_PROFILE_RULES, CRL_ENTRY_RULES } from '#pki/lint/crl-entry-rules.ts';
import { CRL_PROFILE_RULES, CRL_RULES } from '#pki/lint/crl-rules.ts';
import { lintCrl } from '#pki/lint-crl.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import { integer, nullValue, octetString, oid, sequence, time } from '#pki/x509/der-writer.ts';
import { CRL_NOW, crlEntry, type CrlParts, goodCrlParts, sampleCrl } from '#test/lab/crl-sample.ts';
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

  test('names the first of two entries that break the same rule', async () => {
    const good = goodCrlParts(ca.issuing.certificate);
    const late = sequence(integer(9), time(new Date(CRL_NOW.getTime() + 1_000)));
    const twice = sequence(integer(8), time(new Date(CRL_NOW.getTime() + 1_000)));
    const der = sampleCrl({ ...good, entries: sequence(crlEntry(), late, twice) });
    const findings = await lintCrl(der, { issuer: ca.issuing.certificate, profile: false });
    expect(findings.map(({ detail }) => detail)).toEqual(['entry 1: revoked after thisUpdate']);
  });

  const entryOf = (...parts: readonly Bytes[]) => sequence(sequence(integer(9), time(CRL_NOW), ...parts));
  const odd = sequence(oid('1.2.3'), octetString(Buffer.of(1)), nullValue());

  test.for<[string, (good: CrlParts) => Bytes]>([
    ['something after it', (good) => Buffer.concat([sampleCrl(good), nullValue()])],
    ['something after the signature', (good) => withMore(sampleCrl(good))],
    ['something after the extensions', (good) => sampleCrl({ ...good, extensions: new Map([['x', odd]]) })],
    [
      'an entry with something after its extensions',
      (good) => sampleCrl({ ...good, entries: entryOf(sequence(), nullValue()) }),
    ],
    ['an entry whose extension has a fourth member', (good) => sampleCrl({ ...good, entries: entryOf(sequence(odd)) })],
  ])('a CRL with %s is malformed', async ([, make]) => {
    const der = make(goodCrlParts(ca.issuing.certificate));
    const findings = await lintCrl(der, { issuer: ca.issuing.certificate, profile: false });
    expect(findings.map(({ rule }) => rule)).toEqual(['crl-malformed']);
  });
});

/** A CRL with a fourth member. */
function withMore(der: Bytes): Bytes {
  return sequence(new DerReader(der, 'CertificateList').content(TAG.sequence), nullValue());
}
