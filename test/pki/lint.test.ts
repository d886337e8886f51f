import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { GENERAL_RULES, lintCertificate } from '#pki/lint.ts';
import type { CertificatePurpose } from '#pki/lint/purpose.ts';
import { PURPOSE_RULES } from '#pki/lint/purpose-rules.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import * as der from '#pki/x509/der-writer.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { goodParts, sampleCertificate, type SampleParts } from '#test/lab/lint-sample.ts';
import { LAB_NOW, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';

import { ALT_NAME_SAMPLES } from './lint/alt-name-samples.ts';
import { altNames, type BadSample } from './lint/bad-sample.ts';
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
    const sample = sampleCertificate({ ...parts, serial: Buffer.of(2, 1, 5) });
    expect(lintCertificate(sample, {})).toEqual([]);
    expect(lintCertificate(sample, { purpose: 'kubelet-client' }).map(({ rule }) => rule)).toEqual(['profile-serial']);
  });
});

describe('lint at its limits', () => {
  const dns =
    (...names: readonly string[]) =>
    (good: SampleParts) =>
      altNames(good, ...names.map((name) => write.dnsName(name)));
  const serial = (bytes: Bytes) => () => ({ serial: der.element(TAG.integer, bytes) });
  const until = (sinceMs: number) => () => ({
    validity: der.sequence(der.time(LAB_NOW), der.time(new Date(LAB_NOW.getTime() + sinceMs))),
  });

  test.for<[string, string, boolean, (good: SampleParts) => Partial<SampleParts>]>([
    ['a DNS name of 253 characters', 'alt-name-dns-too-long', false, dns(`${'a.'.repeat(126)}a`)],
    ['a label of 63 characters', 'alt-name-dns-label-too-long', false, dns(`${'a'.repeat(63)}.example`)],
    ['a hyphen within a label', 'alt-name-dns-hyphen', false, dns('a-b.example')],
    ['a hyphen that begins the name', 'alt-name-dns-hyphen', true, dns('-a.example')],
    ['a hyphen that ends the name', 'alt-name-dns-hyphen', true, dns('a.example-')],
    ['a wildcard in front', 'alt-name-dns-wildcard', false, dns('*.example')],
    ['a wildcard that ends a label', 'alt-name-dns-wildcard', true, dns('a*.example')],
    ['two DNS names', 'alt-name-duplicate', false, dns('a.example', 'b.example')],
    [
      'a DNS name that is a URI as well',
      'alt-name-duplicate',
      false,
      (good) => altNames(good, write.dnsName('a.example'), der.taggedPrimitive(6, Buffer.from('a.example'))),
    ],
    ['a positive serial of 20 octets', 'serial-over-20-octets', false, serial(Buffer.alloc(20, 0x7f))],
    ['the serial −128', 'serial-not-positive', true, serial(Buffer.of(0x80))],
    ['the serial 127', 'serial-not-positive', false, serial(Buffer.of(0x7f))],
    ['one second of validity', 'validity-not-positive', false, until(0)],
    ['one second less', 'validity-not-positive', true, until(-1_000)],
  ])('%s: %s fires, %s', ([, rule, fires, change]) => {
    const broken = rulesBrokenBy('server', (good) => ({ ...good, ...change(good) }));
    expect(broken.includes(rule)).toBe(fires);
  });

  test.for<
    [string, { readonly [Key in 'basicConstraints' | 'keyUsage']?: Certificate['extensions'][Key] | undefined }]
  >([
    ['is no CA', { basicConstraints: { ca: false, pathLength: undefined } }],
    ['says nothing of whether it is a CA', { basicConstraints: undefined }],
    ['signs no certificates', { keyUsage: new Set(['cRLSign']) }],
    ['says nothing of what it signs', { keyUsage: undefined }],
  ])('an issuer that %s is refused', ([, extensions]) => {
    const { certificate } = ca.issuing;
    const { basicConstraints: _, keyUsage: __, ...others } = certificate.extensions;
    const { basicConstraints, keyUsage } = { ...certificate.extensions, ...extensions };
    const issuer = {
      ...certificate,
      extensions: {
        ...others,
        ...(basicConstraints === undefined ? {} : { basicConstraints }),
        ...(keyUsage === undefined ? {} : { keyUsage }),
      },
    };
    expect(rulesBrokenBy('kubelet-client', (good) => good, issuer)).toContain('issuer-not-ca');
  });

  test('a certificate may end when its issuer does', () => {
    const { notBefore, notAfter } = ca.root.certificate;
    const validity = der.sequence(der.time(notBefore), der.time(notAfter));
    const broken = rulesBrokenBy('node-issuing-ca', (good) => ({ ...good, validity }));
    expect(broken).not.toContain('validity-outside-issuer');
  });
});
