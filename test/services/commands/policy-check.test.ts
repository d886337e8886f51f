import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { checkPolicy } from '#services/commands/policy-check.ts';
import { yamlPlaces } from '#services/commands/yaml-places.ts';

import { recorder } from './recorder.ts';

const POLICY = `apiVersion: muster/v1
kind: Policy
pools:
  general:
    protectionRating: default
    segments: ['10.0.0.0/8']
    certificateTtl: 8h
    tpm2:
      pcrs: [0, 7]
      referenceValues: [reference/a.yaml]
      allowEkWithoutCertificate: true
`;
const REFERENCE = `apiVersion: muster/v1
kind: ReferenceValues
name: a
capturedAt: 2026-11-21T10:00:00Z
capturedFrom: worker-1
bank: sha256
pcrs:
  "0": '${'00'.repeat(32)}'
  "7": '${'11'.repeat(32)}'
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-policy-'));
  mkdirSync(join(folder, 'reference'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function check(policy: string, reference: string | undefined) {
  writeFileSync(join(folder, 'policy.yaml'), policy);
  if (reference !== undefined) writeFileSync(join(folder, 'reference/a.yaml'), reference);
  const person = recorder(folder);
  const exitCode = await checkPolicy('policy.yaml', person);
  return { exitCode, lines: person.said.out.split('\n') };
}

describe('muster policy check', () => {
  test('passes what the service would take, and says what is in it', async () => {
    const { exitCode, lines } = await check(POLICY, REFERENCE);
    expect(exitCode).toBe(0);
    expect(lines[0]).toMatch(/^policy\.yaml is valid: 1 pool, version [0-9a-f]{64}$/);
    expect(lines[1]).toBe('  general: default, sha256 PCRs 0,7, 1 sets of reference values');
  });

  test('says which reference values admit nobody now, and takes the policy all the same', async () => {
    const lapsed = await check(POLICY, `${REFERENCE}expires: 2026-11-21T10:00:00Z\n`);
    expect(lapsed.exitCode).toBe(0);
    expect(lapsed.lines[2]).toBe('    reference values a: expired');
    const early = await check(POLICY, `${REFERENCE}notBefore: 2026-11-21T10:00:00.001Z\n`);
    expect(early.lines[2]).toBe('    reference values a: not-yet-valid');
    expect((await check(POLICY, REFERENCE)).lines[2]).toBe('');
  });

  // Each row changes one thing against the policy and the file that pass.
  test.each([
    ['a member that is unknown', POLICY.replace('segments', 'segmnets'), REFERENCE, /^policy\.yaml:4: pools\.general/],
    [
      'a value out of range',
      POLICY.replace('[0, 7]', '[0, 24]'),
      REFERENCE,
      /^policy\.yaml:9: pools\.general\.tpm2\.pcrs\.1: /,
    ],
    [
      'a contradiction',
      POLICY.replace('default', 'protected'),
      REFERENCE,
      /^policy\.yaml:11: .*allowEkWithoutCertificate/,
    ],
    ['text that is not YAML', POLICY.replace('pools:', 'pools: ['), REFERENCE, /^policy\.yaml: .* at line \d+/],
    ['a named file that is missing', POLICY, undefined, /^reference\/a\.yaml: ENOENT/],
    ['a fault in a named file', POLICY, REFERENCE.replace('sha256', 'md5'), /^reference\/a\.yaml:6: bank: /],
    ['values for other PCRs', POLICY, REFERENCE.replace('"7"', '"6"'), /^policy\.yaml:10: .*covers PCRs 0,6/],
  ])('names the place of %s', async (_, policy, reference, line) => {
    const { exitCode, lines } = await check(policy, reference);
    expect(exitCode).toBe(1);
    expect(lines[0]).toMatch(line);
    expect(lines.at(-2)).toContain('is not valid');
  });

  test('names a policy file that is missing', async () => {
    const person = recorder(folder);
    expect(await checkPolicy('none.yaml', person)).toBe(1);
    expect(person.said.out).toContain('none.yaml');
  });
});

describe('places in YAML', () => {
  const places = yamlPlaces('a:\n  b.c/d: 1\n  list:\n    - x\n    - y: 2\n');

  test.each([
    ['a', 1],
    ['a.b.c/d', 2],
    ['/a/b.c~1d', 2],
    ['a.list.0', 4],
    ['a.list.1.y', 5],
    ['/a/list/1/y', 5],
    ['a.list.9', 3],
    ['a.none', 1],
    ['none', 1],
  ])('%s is on line %d', (path, line) => {
    expect(places.lineOf(path)).toBe(line);
  });
});
