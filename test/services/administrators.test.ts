import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { utf8 } from '#core/bytes.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { administratorList, administratorsIn, readAdministratorsWithoutKey } from '#services/administrators.ts';
import { labSecurityKey, type LabSecurityKey } from '#test/lab/security-key.ts';

const alice = certificateFingerprint(utf8('alice'));
const bob = certificateFingerprint(utf8('bob'));

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-administrators-'));
  file = join(folder, 'administrators.yaml');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const write = (...fingerprints: readonly string[]): void => {
  const administrators = fingerprints.map((fingerprint) => ({ name: 'x', fingerprint }));
  writeFileSync(file, JSON.stringify({ apiVersion: 'muster/v1', kind: 'Administrators', administrators }));
};

describe('the list of administrators', () => {
  test('is asked anew each time', async () => {
    const isAdministrator = administratorList(file);
    write(alice);
    expect([await isAdministrator(alice), await isAdministrator(bob)]).toEqual([true, false]);
    write(bob);
    expect([await isAdministrator(alice), await isAdministrator(bob)]).toEqual([false, true]);
    write();
    expect([await isAdministrator(alice), await isAdministrator(bob)]).toEqual([false, false]);
  });

  test.each<[string, () => void]>([
    ['is gone', () => rmSync(file, { force: true })],
    ['is half written', () => writeFileSync(file, 'administrators:\n  - name: "al')],
    ['names a fingerprint in capitals', () => write(alice.toUpperCase())],
    [
      'has a member that does not exist',
      () => writeFileSync(file, 'apiVersion: muster/v1\nkind: Administrators\nadministrators: []\nroles: []\n'),
    ],
    ['is empty text', () => writeFileSync(file, '')],
  ])('stands for nobody while the file %s, and for its people once it is mended', async (_, spoil) => {
    write(alice);
    const isAdministrator = administratorList(file);
    expect(await isAdministrator(alice)).toBe(true);
    spoil();
    await expect(isAdministrator(alice)).rejects.toThrow(DependencyError);
    write(alice);
    expect(await isAdministrator(alice)).toBe(true);
  });
});

describe('a security key in the list of administrators', () => {
  const good = labSecurityKey();
  const other = labSecurityKey('EdDSA');
  const entry = ({ credentialId, publicKey }: LabSecurityKey, change: object = {}) => ({
    name: 'blue key',
    credentialId,
    publicKey,
    ...change,
  });
  const writeKeys = (...keysOf: readonly (readonly object[])[]): void => {
    const people = [alice, bob];
    const administrators = keysOf.map((securityKeys, at) => ({
      name: `p${at}`,
      fingerprint: people[at],
      securityKeys,
    }));
    writeFileSync(file, JSON.stringify({ apiVersion: 'muster/v1', kind: 'Administrators', administrators }));
  };

  test('is its owner’s, and counts from the next question on', async () => {
    const { securityKeysOf } = administratorsIn(file);
    writeKeys([entry(good), entry(other)], []);
    const keys = await securityKeysOf(alice);
    expect(keys.map(({ credentialId }) => credentialId)).toEqual([good.credentialId, other.credentialId]);
    expect(await securityKeysOf(bob)).toEqual([]);
    expect(await readAdministratorsWithoutKey(file)).toEqual(['p1']);
    writeKeys([]);
    expect(await securityKeysOf(alice)).toEqual([]);
    expect(await readAdministratorsWithoutKey(file)).toEqual(['p0']);
  });

  test.each<[string, readonly (readonly object[])[]]>([
    ['of another curve', [[entry(labSecurityKey('P-384'))]]],
    ['with a byte behind it', [[entry(good, { publicKey: `${good.publicKey}AA` })]]],
    ['that is no key', [[entry(good, { publicKey: 'AAAA' })]]],
    ['in base64 with padding', [[entry(good, { publicKey: `${good.publicKey}==` })]]],
    ['with an empty credential id', [[entry(good, { credentialId: '' })]]],
    ['with a member that does not exist', [[entry(good, { counter: 0 })]]],
    ['whose name would move a cursor', [[entry(good, { name: 'blue\u001b[2J' })]]],
    ['registered twice', [[entry(good), entry(good)]]],
    ['of two people', [[entry(good)], [entry(good)]]],
    ['that is the ninth', [Array.from({ length: 9 }, () => entry(labSecurityKey()))]],
  ])('makes the list one of nobody where it is one %s', async (_, keysOf) => {
    writeKeys(...keysOf);
    const { isAdministrator, securityKeysOf } = administratorsIn(file);
    await expect(securityKeysOf(alice)).rejects.toThrow(DependencyError);
    await expect(isAdministrator(alice)).rejects.toThrow(DependencyError);
  });
});
