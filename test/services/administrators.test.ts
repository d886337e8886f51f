import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { utf8 } from '#core/bytes.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { administratorList } from '#services/administrators.ts';

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
