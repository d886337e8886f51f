import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openPolicySource, readPolicy } from '#services/policy-source.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import { fakeClock } from '#test/fakes/fake-clock.ts';
import { PCRS, referenceValuesOf } from '#test/lab/join-lab.ts';
import { LAB_NOW } from '#test/lab/node-ca.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labEkCa } from '#test/lab/tpm-certificates.ts';

let folder: string;
const write = (name: string, content: unknown): void =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

const document = (tpm2: object = {}, pool: object = {}) => ({
  apiVersion: 'muster/v1',
  kind: 'Policy',
  pools: {
    general: {
      protectionRating: 'default',
      segments: ['10.0.0.0/8'],
      tpm2: { pcrs: PCRS, referenceValues: ['now.yaml'], ekAnchors: ['anchors.pem'], ...tpm2 },
      ...pool,
    },
  },
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-policy-'));
  write('policy.yaml', document());
  write('now.yaml', referenceValuesOf(labTpm()));
  write('anchors.pem', labEkCa().pem);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const policyFile = () => join(folder, 'policy.yaml');
const problemsOf = async (): Promise<readonly string[]> => {
  try {
    await readPolicy(policyFile());
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

describe('readPolicy', () => {
  test('reads the policy with every file it names, relative to it', async () => {
    const policy = await readPolicy(policyFile());
    const [pool] = [...policy.pools.values()];
    expect(pool).toMatchObject({
      pool: 'general',
      ttlSeconds: 28_800,
      segments: [{ cidr: '10.0.0.0/8', class: 'internal' }],
    });
    expect(pool?.tpm2.referenceValues.map(({ name }) => name)).toEqual(['now']);
    expect(pool?.tpm2.ekAnchors?.fingerprints).toHaveLength(1);
    expect(policy.version).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each<[string, () => void, RegExp | undefined]>([
    ['as it is', () => undefined, undefined],
    ['without a file that it names', () => rmSync(join(folder, 'now.yaml')), /now\.yaml.*ENOENT/],
    [
      'with a reference value of another length',
      () => write('now.yaml', { ...referenceValuesOf(labTpm()), pcrs: { 0: 'ab' } }),
      /now\.yaml/,
    ],
    ['with reference values for other PCRs', () => write('policy.yaml', document({ pcrs: [0, 1] })), /covers PCRs/],
    ['with anchors that are none', () => write('anchors.pem', 'nothing'), /ekAnchors\/0/],
    [
      'with a member that does not exist',
      () => write('policy.yaml', document({ alowSoftwareTpm: true })),
      /alowSoftwareTpm: unknown member/,
    ],
    ['with a segment that is none', () => write('policy.yaml', document({}, { segments: ['10.0.0.0'] })), /segments/],
    ['with no pool', () => write('policy.yaml', { ...document(), pools: {} }), /at least one pool/],
    [
      'with a pool twice',
      () => write('policy.yaml', 'apiVersion: muster/v1\nkind: Policy\npools: { a: {}, a: {} }'),
      /unique/,
    ],
    ['that is not UTF-8', () => writeFileSync(policyFile(), Uint8Array.of(0xff, 0xfe)), /UTF-8/],
    ['that is too large', () => write('policy.yaml', `#${'a'.repeat(4_194_304)}`), /over 4194304 bytes/],
  ])('judges a policy %s', async (_, change, expected) => {
    change();
    const problems = await problemsOf();
    expect(problems.join('\n')).toMatch(expected ?? /^$/);
  });

  test('names every file that is wrong at once', async () => {
    rmSync(join(folder, 'now.yaml'));
    rmSync(join(folder, 'anchors.pem'));
    expect(await problemsOf()).toHaveLength(2);
  });
});

const onRecord = (): Promise<void> => Promise.resolve();

describe('a policy source', () => {
  test('takes a good policy on a reload, and keeps the last good one over a bad one', async () => {
    const clock = fakeClock(LAB_NOW);
    const source = await openPolicySource(policyFile(), clock.now);
    const first = source.status();
    clock.advance(1_000);
    write('policy.yaml', document({}, { certificateTtl: '1h' }));
    expect(await source.reload(onRecord)).toBe(true);
    const second = source.status();
    expect(second.policy.version).not.toBe(first.policy.version);
    expect(second).toMatchObject({ loadedAt: clock.now(), lastError: undefined });

    clock.advance(1_000);
    write('policy.yaml', 'apiVersion: muster/v1\n');
    expect(await source.reload(onRecord)).toBe(false);
    const third = source.status();
    expect(third.policy).toBe(second.policy);
    expect(third.loadedAt).toEqual(second.loadedAt);
    expect(third.lastError?.at).toEqual(clock.now());
    expect(third.lastError?.problems.length).toBeGreaterThan(0);

    write('policy.yaml', document());
    expect(await source.reload(onRecord)).toBe(true);
    expect(source.status().lastError).toBeUndefined();
  });

  test('does not open without a good policy', async () => {
    write('policy.yaml', '');
    await expect(openPolicySource(policyFile(), () => LAB_NOW)).rejects.toThrow(ConfigError);
  });

  test('is changed only after the change is on record, and not at all where that fails', async () => {
    const source = await openPolicySource(policyFile(), () => LAB_NOW);
    const before = source.status();
    write('policy.yaml', document({}, { certificateTtl: '1h' }));
    await expect(source.reload(() => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
    expect(source.status()).toBe(before);
    const seen: unknown[] = [];
    await source.reload((policy) => {
      seen.push(policy.version, source.status().policy.version);
      return Promise.resolve();
    });
    expect(seen).toEqual([source.status().policy.version, before.policy.version]);
  });

  test('tells file, line and what was expected of a policy that it refuses', async () => {
    const source = await openPolicySource(policyFile(), () => LAB_NOW);
    write('policy.yaml', 'apiVersion: muster/v1\nkind: Policy\npools:\n  general:\n    protectionRating: high\n');
    await source.reload(onRecord);
    expect(source.status().lastError?.problems.join('\n')).toMatch(
      /policy\.yaml:5: pools\.general\.protectionRating: .*expected one of "default"/,
    );
  });

  test('keeps what is retired retired, through every reload', async () => {
    const source = await openPolicySource(policyFile(), () => LAB_NOW);
    const retired = () =>
      [...source.status().policy.pools.values()].flatMap(({ tpm2 }) => tpm2.referenceValues.map((set) => set.retired));
    expect(retired()).toEqual([false]);
    const { version } = source.status().policy;
    source.retire(['now', 'other']);
    expect(retired()).toEqual([true]);
    await source.reload(onRecord);
    expect(retired()).toEqual([true]);
    expect(source.status().policy.version).toBe(version);
  });
});
