import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { manifestFault, parseReferenceSigners } from '#attestation/reference-manifest.ts';
import { CommandFailure } from '#core/exit-code.ts';
import { referenceValuesSchema } from '#protocol/policy.ts';
import { diffReferenceValues } from '#services/commands/reference-diff.ts';
import { makeReferenceKey } from '#services/commands/reference-key.ts';
import { signReferenceValues, type SignOptions } from '#services/commands/reference-sign.ts';
import { runAsPerson } from '#test/cli/person.ts';

import { recorder } from './recorder.ts';

const REFERENCE = `# Reviewed by alice on Friday.
apiVersion: muster/v1
kind: ReferenceValues
name: general
capturedAt: 2026-11-20T10:00:00Z
capturedFrom: worker-1
bank: sha256
pcrs:
  "0": '${'00'.repeat(32)}' # firmware 1.2
  "7": '${'11'.repeat(32)}'
`;
const COMPLETE: SignOptions = { key: 'k', manifestVersion: 3, pool: ['general'], expires: '90d' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-sign-'));
  writeFileSync(join(folder, 'general.yaml'), REFERENCE);
  writeFileSync(join(folder, 'pass'), 'correct horse battery\n', { mode: 0o600 });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const text = (name = 'general.yaml'): string => readFileSync(join(folder, name), 'utf8');
const exitCodeOf = async (work: Promise<unknown>): Promise<number> => {
  try {
    await work;
    return 0;
  } catch (error) {
    if (error instanceof CommandFailure) return error.exitCode;
    throw error;
  }
};
const sign = (options: Partial<SignOptions> = {}) =>
  signReferenceValues('general.yaml', { ...COMPLETE, ...options }, recorder(folder));
const faultOf = (): string | undefined =>
  manifestFault(
    referenceValuesSchema.parse(parse(text())),
    { name: 'general', protectionRating: 'highly-protected' },
    parseReferenceSigners(text('k.pub.pem')),
  );

describe('signing reference values', () => {
  test.each([
    ['a plain key', undefined],
    ['a sealed key', 'pass'],
  ])('with %s makes a manifest that the highest rating takes, and keeps its comments', async (_, passphraseFile) => {
    await makeReferenceKey({ key: 'k', passphraseFile }, recorder(folder));
    expect(statSync(join(folder, 'k')).mode & 0o777).toBe(0o600);
    expect(text('k').includes('PRIVATE KEY')).toBe(passphraseFile === undefined);
    await sign({ passphraseFile });
    expect(faultOf()).toBeUndefined();
    expect(parse(text())).toMatchObject({
      version: 3,
      pools: ['general'],
      notBefore: '2026-11-21T10:00:00.000Z',
      expires: '2027-02-19T10:00:00.000Z',
    });
    expect(text()).toContain('# Reviewed by alice');
    expect(text()).toContain('# firmware 1.2');
    writeFileSync(join(folder, 'general.yaml'), text().replace('# firmware 1.2', '# firmware 1.3'));
    expect(faultOf()).toBeUndefined();
    writeFileSync(join(folder, 'general.yaml'), text().replace('11'.repeat(32), '12'.repeat(32)));
    expect(faultOf()).toMatch(/does not verify/);
  });

  test('again takes what the file says, and signs anew', async () => {
    await makeReferenceKey({ key: 'k' }, recorder(folder));
    await sign();
    await signReferenceValues('general.yaml', { key: 'k', manifestVersion: 4 }, recorder(folder));
    expect(faultOf()).toBeUndefined();
    expect(parse(text())).toMatchObject({ version: 4, expires: '2027-02-19T10:00:00.000Z' });
  });

  test.each<[string, Partial<SignOptions>, number]>([
    ['everything', {}, 0],
    ['no version', { manifestVersion: undefined }, 64],
    ['no pool', { pool: undefined }, 64],
    ['no end', { expires: undefined }, 64],
    ['an end that is no time', { expires: 'next week' }, 64],
    ['an end before the beginning', { expires: '2026-11-20T10:00:00Z' }, 64],
    ['a pool that is no name', { pool: ['No Pool'] }, 64],
    ['a key that is not there', { key: 'other' }, 78],
    ['a file that is no key', { key: 'pass' }, 78],
  ])('needs %s told: %j', async (_, change, exitCode) => {
    await makeReferenceKey({ key: 'k' }, recorder(folder));
    expect(await exitCodeOf(sign(change))).toBe(exitCode);
    expect(text() === REFERENCE).toBe(exitCode !== 0);
  });

  test('does not sign what the policy would not read', async () => {
    await makeReferenceKey({ key: 'k' }, recorder(folder));
    writeFileSync(join(folder, 'general.yaml'), `${REFERENCE}extra: 1\n`);
    expect(await exitCodeOf(sign())).toBe(65);
  });

  test('with a sealed key needs its passphrase', async () => {
    await makeReferenceKey({ key: 'k', passphraseFile: 'pass' }, recorder(folder));
    expect(await exitCodeOf(sign())).toBe(64);
    writeFileSync(join(folder, 'pass'), 'incorrect horse battery\n', { mode: 0o600 });
    expect(await exitCodeOf(sign({ passphraseFile: 'pass' }))).toBe(78);
  });

  test('makes no key over another', async () => {
    await makeReferenceKey({ key: 'k' }, recorder(folder));
    const before = text('k');
    expect(await exitCodeOf(makeReferenceKey({ key: 'k' }, recorder(folder)))).toBe(73);
    rmSync(join(folder, 'k'));
    expect(await exitCodeOf(makeReferenceKey({ key: 'k' }, recorder(folder)))).toBe(73);
    expect(existsSync(join(folder, 'k'))).toBe(false);
    expect(before).toContain('PRIVATE KEY');
  });
});

describe('comparing reference values', () => {
  test('names each PCR and bound that differs, and says so by its exit code', async () => {
    writeFileSync(join(folder, 'next.yaml'), REFERENCE.replace('11'.repeat(32), '22'.repeat(32)));
    const person = recorder(folder);
    expect(await diffReferenceValues('general.yaml', 'next.yaml', person)).toBe(1);
    expect(person.said.out).toBe(
      `- general.yaml: general\n+ next.yaml: general\nPCR 7\n  - ${'11'.repeat(32)}\n  + ${'22'.repeat(32)}\n`,
    );
    writeFileSync(
      join(folder, 'next.yaml'),
      REFERENCE.replace('name: general', 'name: other\nexpires: 2027-01-01T00:00:00Z'),
    );
    expect(await diffReferenceValues('general.yaml', 'next.yaml', person)).toBe(1);
    expect(person.said.out).toContain('expires\n  + 2027-01-01T00:00:00Z\n');
    writeFileSync(join(folder, 'next.yaml'), REFERENCE.replace('name: general', 'name: other'));
    expect(await diffReferenceValues('general.yaml', 'next.yaml', person)).toBe(0);
  });
});

test('the three commands are on the command line', async () => {
  const run = (...args: readonly string[]) => runAsPerson(['reference', ...args], { workingDirectory: folder });
  expect(await run('keygen', '--out', 'k')).toMatchObject({ exitCode: 0 });
  const options = ['--key', 'k', '--manifest-version', '3', '--pool', 'general', '--expires', '90d'];
  expect(await run('sign', 'general.yaml', ...options)).toMatchObject({ exitCode: 0, err: '' });
  expect(faultOf()).toBeUndefined();
  writeFileSync(join(folder, 'next.yaml'), REFERENCE);
  expect(await run('diff', 'general.yaml', 'next.yaml')).toMatchObject({ exitCode: 1 });
});
