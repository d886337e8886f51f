import { describe, expect, test } from 'vitest';

import { narrowedImaPolicy } from '#attestation/measured-boot/ima/narrowed-ima-policy.ts';
import { imaPolicySchema } from '#protocol/ima-policy.ts';
import type { ImaPolicyText } from '#test/lab/ima-list.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const KEY = 'c'.repeat(64);

const WAS: ImaPolicyText = {
  measurementPolicy: { commandLineTokens: ['ima_policy=tcb'], files: { '/etc/ima/ima-policy': [A] } },
  violations: 'allow-excluded',
  digests: [A],
  files: { '/usr/bin/kubelet': [B] },
  signatureKeys: ['a key'],
  keyrings: { '.ima': [KEY] },
  buffers: { 'kexec-cmdline': [KEY] },
  excludes: ['/var/log/'],
};

const narrowed = (change: Partial<ImaPolicyText>, was: Partial<ImaPolicyText> = {}): readonly string[] =>
  narrowedImaPolicy(imaPolicySchema.parse({ ...WAS, ...was }), imaPolicySchema.parse({ ...WAS, ...was, ...change }));

const TOKENS = WAS.measurementPolicy?.commandLineTokens ?? [];
const FILES = { '/etc/ima/ima-policy': [A] };

describe('demands on IMA lists that changed', () => {
  test.each<[string, Partial<ImaPolicyText>]>([
    ['in nothing', {}],
    ['by a digest more', { digests: [A, B] }],
    ['by another path', { files: { '/usr/bin/kubelet': [B, A], '/bin/sh': [B] } }],
    ['in that a file is known wherever it lies', { digests: [A, B], files: {} }],
    ['by a key more', { signatureKeys: ['a key', 'another'] }],
    ['by fewer words on the command line', { measurementPolicy: { commandLineTokens: TOKENS, files: FILES } }],
  ])('%s accept what they accepted', (_, change) => {
    expect(narrowed(change)).toEqual([]);
  });

  test('exclude the folder that holds the excluded one and accept what they accepted', () => {
    expect(narrowed({ excludes: ['/var/log/'] }, { excludes: ['/var/log/audit/'] })).toEqual([]);
    expect(narrowed({ excludes: ['/var/log/audit'] }, { excludes: ['/var/log/audit.log'] })).toHaveLength(1);
  });

  test('need fewer words on the command line and accept what they accepted', () => {
    const two = { measurementPolicy: { commandLineTokens: [...TOKENS, 'lockdown=integrity'], files: FILES } };
    expect(narrowed({ measurementPolicy: { commandLineTokens: TOKENS, files: FILES } }, two)).toEqual([]);
  });

  test('take a word of the command line too, where only policy files showed what is measured', () => {
    const filesOnly = { measurementPolicy: { files: FILES } };
    expect(narrowed({ measurementPolicy: { commandLineTokens: TOKENS, files: FILES } }, filesOnly)).toEqual([]);
  });

  test.each<[string, Partial<ImaPolicyText>, string]>([
    ['a digest', { digests: [] }, `digests that are no longer accepted: ${A}`],
    ['a file', { files: {} }, `files that are no longer accepted: ${B} /usr/bin/kubelet`],
    ['a file’s place', { files: { '/bin/kubelet': [B] } }, `files that are no longer accepted: ${B} /usr/bin/kubelet`],
    ['a signature key', { signatureKeys: ['another'] }, 'signature keys that are no longer accepted: a key'],
    ['a key in a keyring', { keyrings: {} }, `keys in keyrings that are no longer accepted: ${KEY} .ima`],
    ['a buffer', { buffers: { other: [KEY] } }, `buffers that are no longer accepted: ${KEY} kexec-cmdline`],
    ['a folder', { excludes: ['/var/log'] }, 'excluded paths that are no longer accepted: /var/log/'],
    ['violations', { violations: 'refuse' }, 'violations are refused'],
    ['the command line', { measurementPolicy: { files: FILES } }, 'the command line no longer shows what is measured'],
    [
      'a shorter command line',
      { measurementPolicy: { commandLineTokens: [...TOKENS, 'lockdown=integrity'], files: FILES } },
      'the command line must have: lockdown=integrity',
    ],
    [
      'a measured policy file',
      { measurementPolicy: { commandLineTokens: TOKENS } },
      `measured policy files that are no longer accepted: ${A} /etc/ima/ima-policy`,
    ],
  ])('%s left out is said', (_, change, said) => {
    expect(narrowed(change)).toContain(said);
  });
});
