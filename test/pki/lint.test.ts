import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { GENERAL_RULES, lintCertificate } from '#pki/lint.ts';
import type { CertificatePurpose } from '#pki/lint/purpose.ts';
import { PURPOSE_RULES } from '#pki/lint/purpose-rules.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { goodParts, sampleCertificate, type SampleParts } from '#test/lab/lint-sample.ts';
import { labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';

import { ALT_NAME_SAMPLES } from './lint/alt-name-samples.ts';
import type { BadSample } from './lint/bad-sample.ts';
import { CRITICALITY_SAMPLES, EXTENSION_SAMPLES } from './lint/extension-samples.ts';
import { KEY_SAMPLES } from './lint/key-samples.ts';
import { NAME_SAMPLES } from './lint/name-samples.ts';
import { ISSUER_SAMPLES, PROFILE_SAMPLES } from './lint/profile-samples.ts';
import { STRUCTURE_SAMPLES } from './lint/structure-samples.ts';
import { SUBJECT_SAMPLES } from './lint/subject-samples.ts';

const BAD_SAMPLES: readonly BadSample[] = [
  ...STRUCTURE_SAMPLES,
  ...NAME_SAMPLES,
  ...KEY_SAMPLES,
  ...CRITICALITY_SAMPLES,
  ...EXTENSION_SAMPLES,
  ...ALT_NAME_SAMPLES,
  ...ISSUER_SAMPLES,
  ...PROFILE_SAMPLES,
  ...SUBJECT_SAMPLES,
];

const PURPOSES = Object.keys(PURPOSE_RULES) as CertificatePurpose[];

let ca: NodeCa;
beforeAll(async () => {
  ca = await labNodeCa();
});

function issuerOf(purpose: CertificatePurpose): Certificate | undefined {
  switch (purpose) {
    case 'kubelet-client':
      return ca.issuing.certificate;
    case 'node-issuing-ca':
      return ca.root.certificate;
    case 'server':
    case 'administrator':
      return ca.management.certificate;
    case 'node-root-ca':
    case 'node-root-cross':
    case 'management-ca':
      return undefined;
  }
}

function rulesBrokenBy(
  purpose: CertificatePurpose,
  change: (good: SampleParts) => SampleParts,
  issuer: Certificate | undefined = issuerOf(purpose),
): readonly string[] {
  const parts = goodParts(purpose, issuer ?? ca.root.certificate);
  return lintCertificate(sampleCertificate(change(parts)), { purpose, issuer }).map(({ rule }) => rule);
}

describe('lint', () => {
  test.for(PURPOSES)('finds nothing wrong with a good %s certificate', (purpose) => {
    expect(rulesBrokenBy(purpose, (good) => good)).toEqual([]);
  });

  test.for(BAD_SAMPLES)('$rule fires on $sample', (sample) => {
    const { rule, purpose = 'kubelet-client', change } = sample;
    const issuer = sample.issuer === undefined ? issuerOf(purpose) : sample.issuer(ca);
    expect(rulesBrokenBy(purpose, (good) => ({ ...good, ...change(good, ca) }), issuer)).toContain(rule);
  });

  test('every rule has a sample that it fires on', () => {
    const rules = new Set([...GENERAL_RULES, ...Object.values(PURPOSE_RULES).flat()].map(({ name }) => name));
    const sampled = new Set(BAD_SAMPLES.map(({ rule }) => rule));
    expect([...rules].filter((name) => !sampled.has(name))).toEqual([]);
    expect(rules.size).toBeGreaterThanOrEqual(60);
  });

  test('reports every broken rule, not the first alone', () => {
    const broken = rulesBrokenBy('kubelet-client', (good) => ({
      ...good,
      serial: Buffer.of(2, 1, 0),
      extensions: new Map<string, Bytes>(),
    }));
    expect(broken).toEqual(expect.arrayContaining(['serial-not-positive', 'profile-extensions']));
  });

  test('says that bytes which are no certificate are malformed, and nothing else', () => {
    const findings = lintCertificate(Buffer.from('not a certificate'), {});
    expect(findings.map(({ rule }) => rule)).toEqual(['malformed']);
  });

  test('says what it was told to look at and no more: without a purpose, any extension set will do', () => {
    const parts = goodParts('kubelet-client', ca.issuing.certificate);
    const der = sampleCertificate({ ...parts, serial: Buffer.of(2, 1, 5) });
    expect(lintCertificate(der, {})).toEqual([]);
    expect(lintCertificate(der, { purpose: 'kubelet-client' }).map(({ rule }) => rule)).toEqual(['profile-serial']);
  });
});
